# frozen_string_literal: true

module Ocireg
  # One call on a worker.
  # @api private
  class Job
    # How long an interrupted caller waits for the library, which answers within 200 ms.
    PATIENCE = 2.0

    # The job that the running worker is at.
    def self.current = Thread.current[:ocireg_worker]&.job

    # Runs a caller's block, in the middle of a call. What it raises is kept for the caller, and the call is told to stop
    # by `refusal`.
    def self.callback(refusal)
      Thread.handle_interrupt(Worker::Stop => :immediate) { yield }
    rescue ::Exception => e # rubocop:disable Lint/RescueException
      current.failure ||= e.is_a?(Worker::Stop) ? current.reason : e
      refusal
    end

    attr_accessor :worker, :failure
    attr_reader :reason

    def initialize(block)
      @block = block
      @done = Thread::Queue.new
      @worker = @failure = @reason = @value = @error = nil
      @performed = @finished = @stopped = false
    end

    def finished? = @finished

    # On the worker. Gives whether the worker can go on.
    def run
      begin
        perform
      ensure
        again = finish
        @done.push(true)
      end
      again
    end

    # On the caller's thread, which sees to the call's limit too: the library does not when a caller's block waits. An exception
    # tells both ways that led to it.
    def wait(call = nil)
      Thread.pass # to the worker: a call without I/O is often done when this thread is on again, and need not wake it
      wait_until(call&.limit) until @finished
      return @value if @performed

      @error ||= ThreadError.new("the call's thread was killed")
      @error.set_backtrace(Array(@error.backtrace) + caller)
      raise @error
    end

    # The caller is leaving: ends the call, and waits until nothing of it runs any more.
    def abandon(cancel)
      Thread.handle_interrupt(Object => :never) do
        cancel.call
        stop
        limit = now + PATIENCE
        sleep 0.001 until @finished || now > limit
      end
    end

    # Ends the caller's block that is at work, or the next one; the call fails with the reason then. Any thread.
    def stop(reason = nil)
      return if @finished || Job.current.equal?(self)

      lock.synchronize do
        next if @finished || @stopped

        @stopped = true
        @reason = reason
        @worker.stop
      end
    end

    # The limit is another one now.
    def limit_changed
      @done.push(true)
      lock.synchronize { ended.broadcast }
    end

    private

    # The worker's: jobs that come after this one may wake up who waits here, which then looks and waits on.
    def lock = @worker.lock
    def ended = @worker.ended

    def wait_until(limit)
      if limit.nil? || @stopped
        @done.pop
      elsif now > limit
        stop(TimeoutError.new("the call's deadline has passed"))
      else
        lock.synchronize { ended.wait(lock, [limit - now, 0.001].max) unless @finished }
      end
    end

    def perform
      @value = @block.call
      @performed = true
    rescue ::Exception => e # rubocop:disable Lint/RescueException
      @error = e
    end

    def finish
      lock.synchronize do
        @finished = true
        ended.broadcast
      end
      !@stopped && Worker.keep(@worker)
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
