# frozen_string_literal: true

module DockerRegistry2
  # Where pages ended, by their last names: callers of the gem continue from those, which many registries do not
  # support.
  # @api private
  class Places
    # The most entries kept.
    MOST = 1000
    private_constant :MOST

    def initialize
      @lock = Mutex.new
      @places = {}
    end

    # A page of a list ended with this name.
    def keep(list, last, place)
      return unless last && place

      @lock.synchronize do
        @places.delete([list, last])
        @places.shift if @places.size >= MOST
        @places[[list, last]] = place
      end
    end

    # The option to request what comes after a name.
    # @return [Hash] next: or last:
    def after(list, last)
      return {} if last.nil?

      place = @lock.synchronize { @places[[list, last.to_s]] }
      place ? { next: place } : { last: last }
    end
  end
end
