# frozen_string_literal: true

module Ocireg
  # A call that a fiber of a scheduler makes: a job of the library, so that those that wait cost no threads. The caller's blocks
  # run on a worker, as those of any call do.
  # @api private
  class FiberCall < Call
    # Whether a call with these arguments can be one here: a job would call the blocks for bytes on a thread of the library's.
    def self.fits?(arguments, last_step) = Fiber.current_scheduler && last_step.nil? && arguments.grep(FFI::Function).empty?

    # How many events of the log and of blobs wait for the caller's blocks.
    MOST_TEXTS = 1000
    private_constant :MOST_TEXTS

    # The library's job.
    attr_reader :job

    def initialize(events, context, timeout)
      @events = events
      # Ruby does not keep a fiber that a scheduler has left, and waking it would then be a write into freed memory.
      @fiber = Fiber.current
      @thread = Thread.current
      @happened = Thread::Queue.new
      @moved = @over = false
      @refused = nil
      @told = [0, nil]
      super(context, timeout)
    end

    # Makes the call and finishes. The block receives the library's context.
    def run_once
      enclose(Job.current)
      yield @handle
    ensure
      @context.leave(self)
      @events.free(self)
    end

    # What the function gives that the block calls, when the call has ended.
    def results(outs, &function)
      @events.add(self)
      Status.call(outs.size, &function)
      await
      outs.map { |out| result(out) }
    end

    # Whether the scheduler's thread lives.
    def waited_for? = @thread.alive?

    # On the thread that takes the events. As in the library, one of those of progress waits, and so many texts.
    def happened(event, text)
      @over = true if event == Events::DONE
      case event
      when Events::PROGRESS then return if @moved
      when Events::LOG, Events::BLOB then return if @happened.size >= MOST_TEXTS
      end
      @moved = true if event == Events::PROGRESS
      @happened.push([event, text])
    end

    # Nothing more is told.
    def lost(failure)
      @failure = failure
      @happened.close
    end

    private

    def made(context)
      @job = @events.job(progress: !context.progress_block.nil?, blob_progress: !context.blob_block.nil?,
                         log: !context.log_block.nil?, credentials: !context.credentials_block.nil?)
      Native.ocireg_job_context(@job)
    end

    def await
      while (event, text = @happened.pop)
        return finish if event == Events::DONE

        tell(event, text.dup.force_encoding(Encoding::UTF_8))
      end
      raise @failure
    ensure
      abandon unless @over
    end

    def tell(event, text)
      case event
      when Events::PROGRESS
        @moved = false
        tell_progress unless @over # what came before the end is told with the end
      when Events::BLOB then on_worker { @context.blob_block.call(Convert.json(text)) }
      when Events::LOG then on_worker { @context.log_block.call(Convert.json(text)) }
      when Events::CREDENTIALS then answer(on_worker { Callbacks.secrets(@context.credentials_block, text) })
      end
    end

    def tell_progress
      @told = moved
      on_worker { @context.progress_block.call(*@told) }
    end

    # Runs a block of the caller's, and raises what that raises.
    def on_worker(&block)
      Worker.run(method(:cancel), self) do
        @worker_job = Job.current
        lend(@worker_job)
        Job.callback(nil, &block).tap { raise Job.current.failure if Job.current.failure }
      end
    end

    # What ended the call meanwhile says why an answer is refused.
    def answer(secrets)
      options = Options.of(secrets)
      Status.check { |error| Native.ocireg_job_answer(@job, options, error) }
    rescue InvalidArgument => e
      @refused = e
      cancel
    end

    def moved
      numbers = FFI::MemoryPointer.new(:uint64, 2)
      Native.ocireg_job_progress(@job, numbers, numbers + 8)
      done, total = numbers.read_array_of_uint64(2)
      [done, total.zero? ? nil : total]
    end

    def finish
      status = Native.ocireg_job_status(@job)
      return @context.progress_block && moved != @told && tell_progress if status.zero?
      raise @refused if @refused && status == Cancelled::CODE

      raise Status.described(status, Native.ocireg_job_error(@job))
    end

    def result(out)
      return Convert.buffer(Native.ocireg_job_bytes(@job)) if out == :buffer

      text = Native.ocireg_job_json(@job)&.force_encoding(Encoding::UTF_8).freeze
      out == :json ? Convert.json(text) : text
    end

    # The fiber is leaving: ends the call, and waits until none of it is running.
    def abandon
      cancel
      limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + Job::PATIENCE
      sleep 0.001 until @over || @happened.closed? || Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit
    end
  end
end
