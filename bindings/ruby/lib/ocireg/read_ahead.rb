# frozen_string_literal: true

module Ocireg
  # Reads a blob on a worker, ahead of the caller that takes its bytes: this saves a thread switch for each call of the
  # library, and an interrupted read loses nothing: bytes are kept until they are released.
  # @api private
  class ReadAhead
    # The most bytes requested in one call of the library.
    CHUNK = 512 * 1024
    # The most bytes that wait to be taken. A multiple of CHUNK: a caller that takes as much gets it in one piece.
    AHEAD = 4 * CHUNK

    # The calls that are being read, so that the end of the process need not wait for a silent server.
    LIVE = {}.compare_by_identity # rubocop:disable Style/MutableConstant
    at_exit { LIVE.keys.each(&:cancel) }

    # Ends the transfer of bytes that are no longer needed.
    def self.ender(passages, call)
      proc do
        passages.each(&:close)
        call.cancel
      end
    end

    # @param size [Integer, nil] the total number of bytes, if known
    def initialize(handle, call, size)
      @handle = handle
      @call = call
      @passage = @ring = Ring.new(size ? ((size * 4 / 3) + 4).clamp(4, AHEAD) : AHEAD) # with all bytes in it there is still room to read the end
      @chunks = Chunks.new
      @job = nil
      @started = false
      @pid = Process.pid
    end

    # The bytes are wanted as Strings; decided by the first caller.
    def by_chunks
      @passage = @chunks unless @started
    end

    # Waits for bytes at a position, as Ring#await, and releases those before it.
    def await(place, wanted)
      @passage.release(place)
      there = @passage.available(place)
      there < wanted ? more(place, wanted) : there
    end

    def there(place) = @passage.available(place)
    def bytes(place, count) = @passage.bytes(place, count)
    def into(string, place, count) = @passage.into(string, place, count)

    def ender = ReadAhead.ender([@ring, @chunks], @call)

    private

    def more(place, wanted)
      raise Forked, "the blob was opened before fork() by the parent process" unless @pid == Process.pid

      raise Busy, "the reader is in use by the call that this block is of" if !@job.nil? && @job.equal?(Job.current)

      start unless @started
      @passage.await(place, wanted)
    end

    def start
      handle = @handle
      passage = @passage
      call = @call
      Thread.handle_interrupt(Object => :never) do
        @job = Worker.start { ReadAhead.live(call) { ReadAhead.fill(passage, handle) } }
        @started = true
      end
    end

    class << self
      # Marks a call as being read.
      def live(call)
        LIVE[call] = true
        call.lend(Job.current)
        yield
      ensure
        LIVE.delete(call)
      end

      # On the worker.
      def fill(passage, handle)
        size = FFI::MemoryPointer.new(:size_t)
        passage.fill do |pointer, room|
          Status.check { |error| Native.ocireg_blob_reader_read(handle, pointer, room, size, error) }
          size.read(:size_t)
        end
      rescue ClosedQueueError
        nil
      rescue ::Exception => e # rubocop:disable Lint/RescueException
        passage.finish(e) unless passage.closed?
      end
    end
  end
end
