# frozen_string_literal: true

module Ocireg
  # A passage through memory that is used again and again: new memory for each piece would cost far more than the copying. The worker
  # writes where nobody reads.
  # @api private
  class Ring < Passage
    # The C library's memcpy. It keeps Ruby's lock.
    module C
      extend FFI::Library
      ffi_lib FFI::Library::LIBC
      attach_function :memcpy, %i[buffer_out pointer size_t], :pointer
    end
    private_constant :C

    def initialize(size)
      super()
      @size = size
      @least = (size / 4.0).ceil # the room that is worth a read
      @written = @taken = @awaited = 0
    end

    # On the worker: the block puts bytes at a pointer, at most so many, and gives their number; 0 is the end.
    def fill
      @memory = FFI::MemoryPointer.new(:char, @size, false)
      while await_room { free >= @least }
        count = yield(@memory + (@written % @size), [free, straight(@written), ReadAhead::CHUNK].min)
        return finish if count.zero?

        @written += count
        tell if @written >= @awaited
      end
    end

    # Whoever takes needs nothing before this place any more.
    def release(place)
      @taken = place
      make_room if free >= @least
    end

    # How many bytes there are at a place, in one piece.
    def available(place) = [@written - place, straight(place)].min

    # Waits for bytes at a place: as many as are wanted and can be had in one piece, or fewer at the end. Gives how many there are.
    # What failed is the answer when there are fewer.
    def await(place, wanted)
      wanted = [wanted, straight(place), @size - @least].min
      @awaited = place + wanted
      await_there { @written >= @awaited }
      there = available(place)
      refuse if there < wanted
      there
    end

    # The bytes at a place, new.
    def bytes(place, count) = @memory.get_bytes(place % @size, count)

    # Makes a String of the bytes at a place.
    def into(string, place, count)
      return string.replace(bytes(place, count)) unless string.bytesize == count

      pointer = @memory + (place % @size)
      # From here to memcpy no other thread runs. setbyte gives the string memory of its own, refuses a frozen one,
      # and leaves no text of ASCII alone, which some Rubies would go on believing in.
      string.setbyte(0, 0xff)
      C.memcpy(string, pointer, [string.bytesize, count].min)
      string.force_encoding(Encoding::UTF_8).force_encoding(Encoding::BINARY) # what Ruby knew of the bytes is forgotten so
    end

    private

    def free = @size - (@written - @taken)

    # The bytes from a place to where the memory begins again.
    def straight(place) = @size - (place % @size)
  end
end
