# frozen_string_literal: true

module Ocireg
  # Reads a blob on a worker, a few chunks ahead of who takes them: so a chunk costs no change of threads, and an interrupted
  # read loses nothing: a chunk is taken and kept in one step, which no interrupt comes into.
  # @api private
  class ReadAhead
    # The most bytes that one call of the library is asked for.
    CHUNK = 512 * 1024
    # How many chunks wait to be taken, at most.
    AHEAD = 4

    # The calls that are being read, so that the end of the process need not wait for a silent server.
    LIVE = {}.compare_by_identity # rubocop:disable Style/MutableConstant
    at_exit { LIVE.keys.each(&:cancel) }

    # Ends the transfer of chunks that nobody takes any more.
    def self.ender(chunks, given, call)
      proc do
        chunks.close
        given.close
        call.cancel
      end
    end

    def initialize(handle, call)
      @handle = handle
      @call = call
      @chunks = Thread::SizedQueue.new(AHEAD)
      @given = Thread::Queue.new # something for each chunk, after it: who waits takes this, and may lose it
      @pid = Process.pid
    end

    # Waits for the next bytes, and gives them to the block, which cannot be interrupted; empty at the end.
    def next(&block)
      raise Forked, "the blob was opened before fork() by the parent process" unless @pid == Process.pid

      start unless @started
      @given.pop while @failure.nil? && @chunks.empty? && !@chunks.closed?
      Thread.handle_interrupt(Object => :never) { hand_over(&block) }
    end

    def ender = ReadAhead.ender(@chunks, @given, @call)

    private

    # What fails, or cannot be kept, is the answer to every later read too.
    def hand_over
      raise @failure if @failure
      raise Closed, "the reader is closed" if @chunks.empty?

      begin
        chunk = @chunks.pop(true)
        @given.clear
        raise chunk if chunk.is_a?(::Exception)

        yield chunk
      rescue ::Exception => e # rubocop:disable Lint/RescueException
        @failure = e
        raise
      end
    end

    def start
      handle = @handle
      chunks = @chunks
      given = @given
      call = @call
      Thread.handle_interrupt(Object => :never) do
        Worker.start { ReadAhead.live(call) { ReadAhead.fill(chunks, given, handle) } }
        @started = true
      end
    end

    class << self
      # Marks a call as being read.
      def live(call)
        LIVE[call] = true
        yield
      ensure
        LIVE.delete(call)
      end

      # On the worker.
      def fill(chunks, given, handle)
        space = FFI::MemoryPointer.new(CHUNK)
        size = FFI::MemoryPointer.new(:size_t)
        loop do
          chunk = read(handle, space, size)
          give(chunks, given, chunk)
          break if chunk.empty?
        end
      rescue ClosedQueueError
        nil
      rescue ::Exception => e # rubocop:disable Lint/RescueException
        give(chunks, given, e) unless chunks.closed?
      end

      private

      def give(chunks, given, chunk)
        chunks.push(chunk)
        given.push(true)
      end

      def read(handle, space, size)
        Status.check { |error| Native.ocireg_blob_reader_read(handle, space, CHUNK, size, error) }
        space.read_bytes(size.read(:size_t))
      end
    end
  end
end
