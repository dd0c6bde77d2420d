# frozen_string_literal: true

module Ocireg
  # A passage through memory that is reused: allocating memory for each piece would cost far more than copying. The
  # worker writes only where no thread reads.
  # @api private
  class Ring < Passage
    # The C library's memcpy. It does not release Ruby's lock.
    module C
      extend FFI::Library
      ffi_lib FFI::Library::LIBC
      attach_function :memcpy, %i[buffer_out pointer size_t], :pointer
    end
    private_constant :C

    def initialize(size)
      super()
      @size = size
      @least = (size / 4.0).ceil # the least room that is worth a read
      @written = @taken = @awaited = 0
    end

    # On the worker: the block writes bytes at a pointer, at most the given number, and returns how many; 0 is the end.
    def fill
      @memory = FFI::MemoryPointer.new(:char, @size, false)
      while await_room { free >= @least }
        count = yield(@memory + (@written % @size), [free, straight(@written), ReadAhead::CHUNK].min)
        return finish if count.zero?

        @written += count
        tell if @written >= @awaited
      end
    end

    # Bytes before this position are no longer needed.
    def release(place)
      @taken = place
      make_room if free >= @least
    end

    # How many bytes are available at a position, in one piece.
    def available(place) = [@written - place, straight(place)].min

    # Waits for bytes at a position: as many as are wanted and fit in one piece, or fewer at the end. Returns how many
    # there are. When there are fewer because of a failure, raises it.
    def await(place, wanted)
      wanted = [wanted, straight(place), @size - @least].min
      @awaited = place + wanted
      await_there { @written >= @awaited }
      there = available(place)
      refuse if there < wanted
      there
    end

    # A copy of the bytes at a position.
    def bytes(place, count) = @memory.get_bytes(place % @size, count)

    # Makes a String of the bytes at a position.
    def into(string, place, count)
      return string.replace(bytes(place, count)) unless string.bytesize == count

      pointer = @memory + (place % @size)
      # From here to memcpy no other thread runs. setbyte gives the string its own memory, refuses a frozen one,
      # and makes sure that the string is not ASCII only, which some Rubies would continue to assume.
      string.setbyte(0, 0xff)
      C.memcpy(string, pointer, [string.bytesize, count].min)
      string.force_encoding(Encoding::UTF_8).force_encoding(Encoding::BINARY) # makes Ruby forget what it knew about the bytes
    end

    private

    def free = @size - (@written - @taken)

    # The bytes from a position to where the memory wraps around.
    def straight(place) = @size - (place % @size)
  end
end
