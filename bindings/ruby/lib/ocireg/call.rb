# frozen_string_literal: true

module Ocireg
  # One call in progress, or all those of a reader or an upload: the library's context, made from the caller's. Each has
  # its own, so that an interrupt ends this call and no other.
  # @api private
  class Call
    include Uncopied

    SLACK = 0.02
    private_constant :SLACK

    # @param context [Context, Defaults]
    # @param timeout [Numeric, nil] seconds for this call, in addition to the context's limit
    def initialize(context, timeout = nil)
      raise InvalidArgument, "context is #{context.class}, not an Ocireg::Context" unless context.respond_to?(:progress_block)

      limit = [Convert.seconds("timeout", timeout), context.timeout].compact.min
      raise TimeoutError, "the time for the call is over" if limit && limit <= 0

      @context = context
      @outer = nil
      @cancelled = false
      @handle = made(context)
      context.enter(self)
      self.timeout = limit if limit
    end

    # Makes the call; the block receives the library's context. Interruptible.
    def run
      enclose(Job.current)
      Worker.run(method(:cancel), self) do
        @worker_job = Job.current
        lend(@worker_job)
        yield @handle
      end
    end

    # Makes the call and finishes.
    def run_once(&block)
      run(&block)
    ensure
      @context.leave(self)
    end

    # What the function gives that the block calls.
    def results(outs, &function)
      outs.zip(Status.call(outs.size, &function)).map do |out, pointer|
        case out
        when :json then Convert.json(Convert.take_string(pointer))
        when :string then Convert.take_string(pointer)
        when :buffer then Convert.take_buffer(pointer)
        end
      end
    end

    # What the blocks of a job call is made within this call.
    def lend(job) = job.context = @handle

    def finished = @context.leave(self)

    def cancel
      @cancelled = true
      Status.check { |error| Native.ocireg_context_cancel(@handle, error) }
      stop(Cancelled.new("the call was cancelled"))
    rescue Forked
      nil
    end

    # Whether nothing more can be done with it: it was cancelled, or its time is over.
    def ended?
      @cancelled || (@limit && Process.clock_gettime(Process::CLOCK_MONOTONIC) > @limit - SLACK)
    end

    # Ends the caller's block that the call is waiting for, after the library was told why.
    def stop(reason) = @worker_job&.stop(reason)

    # The time when its blocks are stopped, a little after the library's own limit.
    attr_reader :limit

    # Whether a block of this call is what runs here.
    def inside? = !@worker_job.nil? && @worker_job.equal?(Job.current)

    # To the library, 0 would mean no limit.
    def timeout=(seconds)
      milliseconds = seconds ? [(seconds * 1000).ceil, 1].max : 0
      Status.check { |error| Native.ocireg_context_set_deadline(@handle, milliseconds, error) }
      @limit = seconds && (Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds + SLACK)
      @worker_job&.limit_changed
    end

    def progress = json(:ocireg_context_progress)
    def warnings = json(:ocireg_context_warnings)

    private

    # The library's context, with the blocks of the caller's.
    def made(context)
      Status.made(Handle::Context, :ocireg_context_new).tap { |handle| @callbacks = Callbacks.set(handle, context) }
    end

    # Says in which call's block this one is made: where it would be asked for what that asks, it is refused.
    def enclose(outer)
      return if outer.equal?(@outer)

      Status.check { |error| Native.ocireg_context_set_within(@handle, outer&.context, error) }
      @outer = outer
    rescue Forked
      nil
    end

    def json(function)
      text, = Status.call(1) { |out, error| Native.public_send(function, @handle, out, error) }
      Convert.json(Convert.take_string(text))
    end
  end
end
