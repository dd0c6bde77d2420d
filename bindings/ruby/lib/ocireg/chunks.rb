# frozen_string_literal: true

module Ocireg
  # A passage made of Strings that the worker creates: for callers that want Strings anyway, chunk by chunk.
  # @api private
  class Chunks < Passage
    # The most bytes in one.
    SIZE = 512 * 1024
    # The most chunks that may wait to be taken.
    MOST = 4

    # A String and the address of its bytes. The caller that takes it may modify the String.
    Chunk = Struct.new(:begin, :end, :string)
    private_constant :Chunk

    def initialize
      super
      @chunks = []
    end

    # On the worker: the block writes bytes at a pointer, at most the given number, and returns how many; 0 is the end.
    def fill
      place = 0
      space = FFI::MemoryPointer.new(:char, SIZE, false)
      while await_room { @chunks.size < MOST }
        count = yield(space, SIZE)
        return finish if count.zero?

        @chunks.push(Chunk.new(place, place += count, space.get_bytes(0, count)))
        tell
      end
    end

    # Bytes before this position are no longer needed.
    def release(place)
      @chunks.shift while @chunks.first && @chunks.first.end <= place
      make_room if @chunks.size < MOST
    end

    # How many bytes are available at a position, in one piece.
    def available(place)
      chunk = at(place)
      chunk ? chunk.end - place : 0
    end

    # Waits for bytes at a position, however many are wanted. Returns how many there are.
    def await(place, _wanted)
      await_there { available(place).positive? }
      there = available(place)
      refuse if there.zero?
      there
    end

    # The bytes at a position.
    def bytes(place, count)
      chunk = at(place)
      return chunk.string if chunk.begin == place && chunk.end == place + count

      chunk.string.byteslice(place - chunk.begin, count)
    end

    # Makes a String of the bytes at a position.
    def into(string, place, count) = string.replace(bytes(place, count))

    private

    def at(place) = @chunks.find { |chunk| place >= chunk.begin && place < chunk.end }
  end
end
