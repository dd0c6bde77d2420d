# frozen_string_literal: true

module Ocireg
  # A thread that makes calls for others, so that they can be interrupted while they wait: a thread inside a C function
  # cannot be. Idle workers are kept for the next call. The callers' blocks (progress, log, credentials, sources of bytes)
  # run here too, so a throw or a break in one of them never unwinds the library's frames. Outside of a scheduler calls stay here although
  # the library has jobs: the caller is a thread that waits in any case, its blocks need a worker too (jobs take no source of bytes), and
  # the end of a job would reach it by one thread more, the one that takes the events.
  # @api private
  class Worker
    # Raised in a worker to end a caller's block that waits for something; it is seen nowhere else.
    Stop = Class.new(::Exception) # rubocop:disable Lint/InheritException

    MAX_IDLE = 16

    RESET = Mutex.new
    private_constant :RESET

    class << self
      # Runs the block on a worker and returns its result, or raises what it raised.
      # @param cancel [#call] ends the block's call soon; called when the caller is interrupted
      # @param call [Call, nil] knows how long the block may take
      def run(cancel, call = nil, &block)
        job = nil
        Thread.handle_interrupt(Object => :never) { job = start(&block) } # no job ever runs that is not known here
        job.wait(call)
      ensure
        job.abandon(cancel) unless job.nil? || job.finished?
      end

      # Runs the block on a worker without waiting for it.
      # @return [Job]
      def start(&block)
        Job.new(block).tap { |job| nil until take.submit(job) }
      end

      # An idle worker, or a new one. After a fork there are no idle ones: threads do not survive it.
      def take
        RESET.synchronize { reset unless @pid == Process.pid } unless @pid == Process.pid
        @idle.pop || new
      end

      # Keeps an idle worker; false when there are enough.
      def keep(worker)
        @idle.size < MAX_IDLE && @idle.push(worker)
      end

      private

      def reset
        @idle = []
        @pid = Process.pid
      end
    end

    # The current job.
    attr_reader :job
    # Guards the end of a job, and the wait for it with a time limit: {#ended}. All jobs of a worker share them, one
    # after the other.
    attr_reader :lock, :ended

    def initialize
      @jobs = Thread::Queue.new
      @lock = Mutex.new
      @ended = Thread::ConditionVariable.new
      @thread = Thread.handle_interrupt(Stop => :never) { Thread.new { serve } }
      @thread.name = "ocireg"
      @thread.report_on_exception = false
    end

    # False when its thread has ended, which a program can do to any thread.
    def submit(job)
      job.worker = self
      @jobs.push(job)
    rescue ClosedQueueError
      false
    end

    def stop = @thread.raise(Stop)

    private

    # A thread inherits its creator's interrupt mask: the first line resets it, except for Stop; otherwise a worker
    # might outlive its process.
    def serve
      Thread.handle_interrupt(Object => :immediate, Stop => :never) do
        Thread.current.thread_variable_set(:ocireg_worker, self) # each fiber of a block sees it
        @job = nil while (@job = @jobs.pop).run
      end
    rescue Stop
      nil
    ensure
      retire
    end

    def retire
      @jobs.close
      while (job = @jobs.pop)
        job.lost
      end
    end
  end
end
