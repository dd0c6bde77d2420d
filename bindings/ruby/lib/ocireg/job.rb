# frozen_string_literal: true

module Ocireg
  # One call on a worker.
  # @api private
  class Job
    # How long an interrupted caller waits for the library, which answers within 200 ms.
    PATIENCE = 2.0

    # The job that the running worker is at.
    def self.current = Thread.current[:ocireg_job]

    # Runs a caller's block, in the middle of a call. What it raises is kept for the caller, and the call is told to stop
    # by `refusal`.
    def self.callback(refusal)
      Thread.handle_interrupt(Worker::Stop => :immediate) { yield }
    rescue ::Exception => e # rubocop:disable Lint/RescueException
      current.failure ||= e
      refusal
    end

    attr_accessor :worker, :failure

    def initialize(block)
      @block = block
      @done = Thread::Queue.new
      @lock = Mutex.new
      @finished = @stopped = false
      @error = ThreadError.new("the call's thread was killed")
    end

    def finished? = @finished

    # On the worker. Gives whether the worker can go on.
    def run
      again = false
      begin
        Thread.current[:ocireg_job] = self
        perform
      ensure
        Thread.current[:ocireg_job] = nil
        again = finish
        @done.push(true)
      end
      again
    end

    # On the caller's thread. An exception tells both ways that led to it.
    def wait
      @done.pop
      return @value unless @error

      @error.set_backtrace(Array(@error.backtrace) + caller)
      raise @error
    end

    # The caller is leaving: ends the call, and waits until nothing of it runs any more.
    def abandon(cancel)
      Thread.handle_interrupt(Object => :never) do
        cancel.call
        @lock.synchronize { stop unless @finished }
        limit = now + PATIENCE
        sleep 0.001 until @finished || now > limit
      end
    end

    private

    def perform
      @value = @block.call
      @error = nil
    rescue ::Exception => e # rubocop:disable Lint/RescueException
      @error = e
    end

    def finish
      @lock.synchronize { @finished = true }
      !@stopped && Worker.keep(@worker)
    end

    def stop
      @stopped = true
      @worker.stop
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
