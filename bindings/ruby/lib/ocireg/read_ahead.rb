# frozen_string_literal: true

module Ocireg
  # Reads a blob on a worker, a few chunks ahead of who takes them: so a chunk costs no change of threads, and an interrupted
  # read loses nothing.
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
    def self.ender(chunks, call)
      proc do
        chunks.close
        call.cancel
      end
    end

    def initialize(handle, call)
      @handle = handle
      @call = call
      @chunks = Thread::SizedQueue.new(AHEAD)
      @pid = Process.pid
    end

    # The next bytes; empty at the end. Waits for them.
    def next
      raise Forked, "the blob was opened before fork() by the parent process" unless @pid == Process.pid

      start unless @started
      chunk = @chunks.pop
      raise Closed, "the reader is closed" if chunk.nil?
      return chunk unless chunk.is_a?(::Exception)

      @chunks.push(chunk) unless @chunks.closed? # the answer to every later read too
      raise chunk
    end

    def ender = ReadAhead.ender(@chunks, @call)

    private

    def start
      @started = true
      handle = @handle
      chunks = @chunks
      call = @call
      Worker.start { ReadAhead.live(call) { ReadAhead.fill(chunks, handle) } }
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
      def fill(chunks, handle)
        space = FFI::MemoryPointer.new(CHUNK)
        size = FFI::MemoryPointer.new(:size_t)
        loop do
          chunk = read(handle, space, size)
          chunks.push(chunk)
          break if chunk.empty?
        end
      rescue ClosedQueueError
        nil
      rescue ::Exception => e # rubocop:disable Lint/RescueException
        chunks.push(e) unless chunks.closed?
      end

      private

      def read(handle, space, size)
        Status.check { |error| Native.ocireg_blob_reader_read(handle, space, CHUNK, size, error) }
        space.read_bytes(size.read(:size_t))
      end
    end
  end
end
