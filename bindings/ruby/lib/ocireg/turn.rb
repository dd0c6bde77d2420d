# frozen_string_literal: true

module Ocireg
  # What one thread, or one fiber, uses at a time. Whoever comes meanwhile gets {Busy}, as in C, and does not wait: it may be a block that the
  # use in progress waits for.
  # @api private
  class Turn
    # @param what [String] "the reader"
    def initialize(what)
      @what = what
      @lock = Mutex.new
    end

    def take
      mine = @lock.try_lock # no interrupt comes between this and the ensure
      refuse unless mine
      yield
    ensure
      @lock.unlock if mine
    end

    # Waits for the end of the use in progress; false when it has not come within the seconds.
    def over?(seconds = 0)
      limit = now + seconds
      until @lock.try_lock
        return false if now >= limit

        sleep 0.001
      end
      @lock.unlock
      true
    end

    def refuse = raise(Busy, "#{@what} is in use, by another thread or by the call that this block is of")

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
