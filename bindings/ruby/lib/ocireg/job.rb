# frozen_string_literal: true

module Ocireg
  # One call on a worker.
  # @api private
  class Job
    # How long an interrupted caller waits for the library, which answers within 200 ms.
    PATIENCE = 2.0

    # The job that the current worker is executing.
    def self.current = Thread.current.thread_variable_get(:ocireg_worker)&.job

    # Runs a caller's block during a call. What it raises is kept for the caller, and the call is told to stop
    # by `refusal`. A thread that is killed in it ends only behind the call, whose frames must not be skipped.
    def self.callback(refusal)
      answered = false
      answer = Thread.handle_interrupt(Worker::Stop => :immediate) { yield }
      answered = true
      answer
    rescue ::Exception => e # rubocop:disable Lint/RescueException
      current.failure ||= e.is_a?(Worker::Stop) ? current.reason : e
      answered = true
      refusal
    ensure
      return killed(refusal) unless answered # rubocop:disable Lint/EnsureReturn
    end

    def self.killed(refusal)
      current.failure ||= ThreadError.new("the call's thread was killed")
      refusal
    end
    private_class_method :killed

    # The context is the library's, of the call that this is.
    attr_accessor :worker, :failure, :context
    attr_reader :reason

    def initialize(block)
      @block = block
      # Ruby does not keep a fiber that a scheduler has left, and waking it would then be a write into freed memory.
      @fiber = Fiber.current
      @done = Thread::Queue.new
      @worker = @context = @failure = @reason = @value = @error = nil
      @performed = @finished = @stopped = false
    end

    def finished? = @finished

    # Its worker ended before it began.
    def lost
      finish
      @done.push(true)
    end

    # On the worker. Returns whether the worker can continue.
    def run
      begin
        perform
      ensure
        finish
        again = !@stopped && Thread.current.status == "run" && Worker.keep(@worker) # one that was killed cannot go on
        @done.push(true)
      end
      again
    end

    # On the caller's thread, which enforces the call's limit too: the library cannot while a caller's block waits. An
    # exception shows both backtraces that led to it.
    def wait(call = nil)
      Thread.pass # to the worker: a call without I/O is often done when this thread runs again, and need not wake it
      wait_until(call&.limit) until @finished
      return @value if @performed

      @error ||= ThreadError.new("the call's thread was killed")
      @error.set_backtrace(Array(@error.backtrace) + caller)
      raise @error
    end

    # The caller is leaving: ends the call, and waits until none of it is running.
    def abandon(cancel)
      Thread.handle_interrupt(Object => :never) do
        cancel.call
        stop
        limit = now + PATIENCE
        sleep 0.001 until @finished || now > limit
      end
    end

    # Ends the caller's block that is running, or the next one; the call then fails with the reason. From any thread.
    def stop(reason = nil)
      return if @finished || Job.current.equal?(self)

      lock.synchronize do
        next if @finished || @stopped

        @stopped = true
        @reason = reason
        @worker.stop
      end
    end

    # The limit has changed.
    def limit_changed
      @done.push(true)
      lock.synchronize { ended.broadcast }
    end

    private

    # The worker's; later jobs may wake a thread that waits here, which then checks again and continues to wait.
    def lock = @worker.lock
    def ended = @worker.ended

    def wait_until(limit)
      if limit.nil? || @stopped
        @done.pop
      elsif now > limit
        stop(TimeoutError.new("the call's deadline has passed"))
      else
        locked { ended.wait(lock, [limit - now, 0.001].max) unless @finished }
      end
    end

    # What is raised in a fiber that waits finds the lock released.
    def locked
      lock.lock
      yield
    ensure
      lock.unlock if lock.owned?
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
    end

    def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end
end
