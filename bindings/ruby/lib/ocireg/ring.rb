# frozen_string_literal: true

module Ocireg
  # Bytes on their way from the worker that reads them to who takes them, in memory that is used again and again: new memory for
  # each piece would cost far more than the copying. Places are counted from the stream's begin. The worker writes where nobody
  # reads, so nothing is locked. Who waits takes a token, after which he looks for himself: a lost one loses nothing.
  # @api private
  class Ring
    # The C library's memcpy. It keeps Ruby's lock.
    module C
      extend FFI::Library
      ffi_lib FFI::Library::LIBC
      attach_function :memcpy, %i[buffer_out pointer size_t], :pointer
    end
    private_constant :C

    def initialize(size)
      @memory = FFI::MemoryPointer.new(:char, size, false)
      @size = size
      @least = (size / 4.0).ceil # the room that is worth a read
      @written = @taken = @awaited = 0
      @there = Thread::Queue.new
      @room = Thread::Queue.new
      @over = false
      @failure = nil
    end

    # On the worker: the block puts bytes at a pointer, at most so many, and gives their number; 0 is the end.
    def fill
      until (room = await_room).zero?
        count = yield(@memory + (@written % @size), room)
        return finish if count.zero?

        @written += count
        tell if @written >= @awaited
      end
    end

    # On the worker: nothing comes any more.
    def finish(failure = nil)
      @failure = failure
      @over = true
      tell
    end

    # Ends both sides. Any thread; finalizers too, so it takes no lock.
    def close
      @there.close
      @room.close
    end

    # Whoever takes needs nothing before this place any more.
    def release(place)
      @taken = place
      @room.push(true) if free >= @least && @room.empty?
    rescue ClosedQueueError
      nil # whoever waits next will see it
    end

    # How many bytes there are at a place, in one piece.
    def available(place) = [@written - place, straight(place)].min

    # Waits for bytes at a place: as many as are wanted and can be had in one piece, or fewer at the end. Gives how many there are.
    # What failed is the answer when there are fewer.
    def await(place, wanted)
      wanted = [wanted, straight(place), @size - @least].min
      @awaited = place + wanted
      until @written >= @awaited || @over || closed?
        @there.pop
        @there.clear
      end
      there = available(place)
      refuse if there < wanted
      there
    end

    def closed? = @there.closed?

    # The bytes at a place, new.
    def bytes(place, count) = @memory.get_bytes(place % @size, count)

    # Makes a String of the bytes at a place.
    def into(string, place, count)
      return string.replace(bytes(place, count)) unless string.bytesize == count

      pointer = @memory + (place % @size)
      # From here to memcpy no other thread runs. setbyte gives the string memory of its own, and refuses a frozen one.
      string.setbyte(0, 0)
      C.memcpy(string, pointer, [string.bytesize, count].min)
      string.force_encoding(Encoding::UTF_8).force_encoding(Encoding::BINARY) # what Ruby knew of the bytes is forgotten so
    end

    private

    def refuse
      raise @failure if @failure
      raise Closed, "the reader is closed" unless @over
    end

    def free = @size - (@written - @taken)

    # The bytes from a place to where the memory begins again.
    def straight(place) = @size - (place % @size)

    def tell
      @there.push(true) if @there.empty?
    end

    # 0 when the ring is closed.
    def await_room
      until free >= @least || @room.closed?
        @room.pop
        @room.clear
      end
      @room.closed? ? 0 : [free, straight(@written), ReadAhead::CHUNK].min
    end
  end
end
