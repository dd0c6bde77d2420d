# frozen_string_literal: true

module Ocireg
  # What a call can be given: cancellation, a time limit, progress and blocks. A context may serve any number of
  # calls, also at the same time and from several threads. Without one, a call has the limit and the blocks of its
  # client.
  #
  #   context = Ocireg::Context.new(timeout: 60) { |done, total| puts "#{done} of #{total}" }
  #   client.copy("quay.io/prometheus/busybox", "oci:busybox", context: context)
  #
  # Blocks run during the call, on a thread of this gem. What they raise stops the call, which raises it again; one that
  # ends its thread (Thread.exit) ends the call with a ThreadError.
  class Context
    include Uncopied

    # @return [#call, nil] called with (done, total) in bytes; total is nil while unknown
    attr_reader :progress_block
    # @return [#call, nil] called with the progress of each blob of a copy, a Hash: "state", "digest", "size", "done"
    attr_reader :blob_block
    # @return [#call, nil] called with each event of the trace, a Hash, as ocireg_log_fn describes it
    attr_reader :log_block
    # @return [#call, nil] called for the credentials of a host: returns a Hash with :username and :password, or
    #   :identity_token, or :token, or nil for none
    attr_reader :credentials_block

    # @param timeout [Numeric, nil] seconds from now on until which all calls must be done
    # @param blobs [#call, nil] see {#blob_block}
    # @param log [#call, nil] see {#log_block}
    # @param credentials [#call, nil] see {#credentials_block}
    # @yieldparam done [Integer] see {#progress_block}
    # @yieldparam total [Integer, nil]
    def initialize(timeout: nil, blobs: nil, log: nil, credentials: nil, &progress)
      @progress_block = progress
      @blob_block = Convert.callable("blobs", blobs)
      @log_block = Convert.callable("log", log)
      @credentials_block = Convert.callable("credentials", credentials)
      @lock = Monitor.new
      @calls = []
      @cancelled = false
      @warnings = []
      @progress = { "operation" => "", "done" => 0, "total" => nil }.freeze
      self.timeout = timeout
    end

    # Ends the calls that use this context, and every later one, with {Cancelled}. From any thread, and from a block of Signal.trap.
    # @return [void]
    def cancel
      @cancelled = true
      @lock.synchronize { @calls.each(&:cancel) }
    rescue ThreadError
      # No lock can be taken in a block of Signal.trap.
      Thread.new { cancel }
    end

    # @return [Boolean]
    def cancelled? = @cancelled

    # Sets the time limit of calls, counted from now; it applies to calls in progress too. They raise {TimeoutError}
    # when it has passed.
    # @param seconds [Numeric, nil] nil for no limit
    def timeout=(seconds)
      seconds = Convert.seconds("timeout", seconds)
      @lock.synchronize do
        @deadline = seconds && (now + seconds)
        @calls.each { |call| call.timeout = seconds }
      end
    end

    # @return [Float, nil] the seconds that are left, not below 0
    def timeout
      @deadline && [@deadline - now, 0.0].max
    end

    # The progress of the transfer that began last. From any thread.
    # @return [Hash] "operation", "done", "total", and for a copy "blobs" and "active", as in ocireg_context_progress
    def progress
      @lock.synchronize { @calls.last&.progress || @progress }
    end

    # Warnings from servers: "host" and "text", without duplicates. From any thread.
    # @return [Array<Hash>]
    def warnings
      @lock.synchronize { @calls.map(&:warnings).reduce(@warnings, :|).freeze }
    end

    # @api private
    def enter(call)
      @lock.synchronize do
        call.cancel if @cancelled
        call.timeout = timeout if @deadline
        @calls << call
      end
    end

    # @api private
    def leave(call)
      @lock.synchronize do
        next unless @calls.delete(call)

        @progress = call.progress
        @warnings |= call.warnings
      end
    rescue Forked
      nil
    end

    private

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
