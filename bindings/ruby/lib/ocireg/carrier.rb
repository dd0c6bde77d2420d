# frozen_string_literal: true

require "io/wait"

module Ocireg
  # Carries what a call writes into a pipe to an object's `write`, on the caller's thread, or in its fiber. A `write` that waits ends with the
  # call, except in a fiber of a scheduler, which has its own ways to end it.
  # @api private
  class Carrier
    # Ends such a write; it is seen nowhere else. It is raised only where the write runs: not in what a fiber that `write` has left, such
    # as an Enumerator's, goes on with, nor in the write of another carrier inside this one's.
    Stop = Class.new(::Exception) # rubocop:disable Lint/InheritException

    # What is written at once: what a pipe holds.
    SIZE = 64 * 1024

    def initialize(io)
      @io = io
      @reader, @writer = IO.pipe(binmode: true)
      @thread = Thread.current unless Fiber.current_scheduler
      @lock = Mutex.new
      @over = false
      @stopped = false
      @written = Thread::Queue.new
    end

    # Yields the pipe's descriptor, and what the call does after its last byte. The call runs in a separate thread while this one
    # carries. When this one leaves early, the closed pipe ends the call.
    def run(&block)
      call = Thread.new { made(&block) }
      call.report_on_exception = false
      carry
      call.value
    ensure
      @reader.close
      leave(call) if call&.alive?
    end

    private

    # On the call's thread.
    def made
      yield @writer.fileno, method(:finish)
    rescue ::Exception # rubocop:disable Lint/RescueException
      stop
      raise
    ensure
      @writer.close
    end

    # On the worker, as the call's last step, so that its limit and all that ends it count here too: waits until everything was written.
    def finish
      @writer.close
      Job.callback(false) { @written.pop } || raise(Job.current.failure || Cancelled.new("the call was cancelled"))
    end

    def stop
      @lock.synchronize do
        next if @thread.nil? || @over

        @stopped = true
        # Of another thread this reads what its current fiber has.
        @thread.raise(Stop) if @thread[:ocireg_carrier].equal?(self)
      end
    end

    def carry
      stopping(:never) do
        copy
        @written.push(true)
      rescue Stop
        raise unless @stopped # another carrier's, whose write this is in
      ensure
        over
      end
    end

    def copy
      while (data = piece)
        raise Stop if @stopped

        writing { stopping(:immediate) { @io.write(data) } }
      end
    end

    # What runs in here, in this fiber, is this carrier's write.
    def writing
      before = Thread.current[:ocireg_carrier]
      Thread.current[:ocireg_carrier] = self
      yield
    ensure
      Thread.current[:ocireg_carrier] = before
    end

    # Of a read that waits in a fiber which its scheduler has left Ruby waits for the end, for ever, when something with the same number is closed.
    def piece
      data = :wait_readable
      while data == :wait_readable
        @reader.wait_readable
        data = @reader.read_nonblock(SIZE, exception: false)
      end
      data
    end

    # From here on nothing is raised in this thread; what was, but has not arrived yet, arrives here.
    def over
      @lock.synchronize { @over = true }
      stopping(:immediate) { Thread.pass }
    rescue Stop
      raise unless @stopped
    end

    # When a Stop may arrive. In a fiber none ever does, and what a thread masks is not to be changed while its fibers take turns.
    def stopping(how, &block)
      @thread ? Thread.handle_interrupt(Stop => how, &block) : yield
    end

    def leave(call)
      call.raise(Worker::Stop)
      call.join
    rescue ::Exception # rubocop:disable Lint/RescueException
      nil # the caller's own exception is being raised
    end
  end
end
