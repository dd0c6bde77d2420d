# frozen_string_literal: true

require "io/wait"

module Ocireg
  # What happens to the jobs that a client has for fibers. The client has one descriptor for all of them, whichever schedulers the
  # fibers have: one thread waits for it while there are jobs, and gives each event to its call.
  # @api private
  class Events
    DONE = 1
    PROGRESS = 2
    CREDENTIALS = 3
    LOG = 4
    BLOB = 5

    # How many seconds the thread waits for a further job.
    IDLE = 1
    private_constant :IDLE

    # @param all [Hash{Call => true}] the client's calls in progress
    def initialize(client, all)
      @client = client
      @all = all
      @calls = {}
      @lock = Mutex.new
      @thread = nil
    end

    # A new job, which tells of these events.
    # @param wanted [Hash{Symbol => Boolean}]
    def job(wanted)
      options = Options.of(wanted.select { |_, value| value })
      Handle::Job.new(Status.call(1) { |out, error| Native.ocireg_job_new(@client, options, nil, out, error) }.first)
    end

    # From here on the call is told what happens to its job.
    def add(call)
      @lock.synchronize do
        @calls[call.job.address] = call
        @thread ||= Thread.handle_interrupt(Object => :never) { Thread.new { serve } }
      end
    end

    # Ends the job, of which no more is told.
    def free(call)
      @lock.synchronize do
        @calls.delete(call.job.address)
        call.job.free
      end
    end

    private

    # Whatever ends this thread arrives while it waits: between an event and its call nothing is lost.
    def serve
      Thread.current.name = "ocireg events"
      Thread.current.report_on_exception = false
      io = IO.for_fd(descriptor, autoclose: false)
      until over?
        Thread.handle_interrupt(Object => :immediate) { io.wait_readable(IDLE) }
        nil while take
        leave_the_dead
      end
    rescue ::StandardError => e
      failure = e
    ensure
      lost(failure || ThreadError.new("the thread that takes the events was killed"))
    end

    def descriptor
      place = FFI::MemoryPointer.new(:int32)
      Status.check { |error| Native.ocireg_client_fd(@client, place, error) }
      place.read_int32
    end

    def over?
      @lock.synchronize { @calls.empty?.tap { |empty| @thread = nil if empty } }
    end

    # Takes one event; false when there is none. No job is freed meanwhile.
    def take
      @lock.synchronize do
        job, event = next_event
        next false if job.null?

        call = event == DONE ? @calls.delete(job.address) : @calls[job.address]
        tell(call, event, Native.ocireg_job_event_text(job)) if call
        true
      end
    end

    # A scheduler that fails to wake its fiber strands no other.
    def tell(call, event, text)
      call.happened(event, text)
    rescue ::StandardError => e
      warn "ocireg: a scheduler did not wake a fiber: #{e.message}"
    end

    # Nobody waits for the calls of a thread that has ended, which hold the library's threads. Looked for as often as nothing happens.
    def leave_the_dead
      return if (now = Process.clock_gettime(Process::CLOCK_MONOTONIC)) < (@next_look ||= now + IDLE)

      @next_look = now + IDLE
      @lock.synchronize { @calls.values.reject(&:waited_for?) }.each do |call|
        call.cancel
        @all.delete(call)
      end
    end

    def next_event
      event = FFI::MemoryPointer.new(:int32)
      job = FFI::MemoryPointer.new(:pointer)
      Status.check { |error| Native.ocireg_client_next_event(@client, job, event, error) }
      [job.read_pointer, event.read_int32]
    end

    # A program can end any thread: then nobody tells the calls. Later ones have another thread.
    def lost(failure)
      @lock.synchronize do
        next unless @thread.equal?(Thread.current)

        @thread = nil
        @calls.each_value { |call| call.lost(failure) }
        @calls.clear
      end
    end
  end
end
