# frozen_string_literal: true

module Ocireg
  # Bytes on their way from the worker that reads them to the thread that takes them. Positions are counted from the
  # start of the stream. A waiting thread takes a token and then checks for itself: a lost token loses nothing, and
  # nothing is locked.
  # @api private
  class Passage
    def initialize
      @there = Thread::Queue.new
      @room = Thread::Queue.new
      @over = false
      @failure = nil
    end

    # On the worker: there will be no more bytes.
    def finish(failure = nil)
      @failure = failure
      @over = true
      tell
    end

    # Ends both sides. From any thread, and from finalizers, so it takes no lock.
    def close
      @there.close
      @room.close
    end

    def closed? = @there.closed?

    private

    # On the worker: bytes are available.
    def tell
      @there.push(true) if @there.empty?
    end

    # Bytes have been taken.
    def make_room
      @room.push(true) if @room.empty?
    rescue ClosedQueueError
      nil # the next one to wait will see it
    end

    # Waits until the block returns true, or there will be no more bytes.
    def await_there
      @fiber = Fiber.current # which Ruby does not keep when its scheduler has left it: see FiberCall
      until yield || @over || closed?
        @there.pop
        @there.clear
      end
    end

    # On the worker: waits until the block says that there is room. Returns false when the passage is closed.
    def await_room
      until yield || @room.closed?
        @room.pop
        @room.clear
      end
      !@room.closed?
    end

    # Raises the reason why there is less than was waited for, unless it is the end.
    def refuse
      raise @failure if @failure
      raise Closed, "the reader is closed" unless @over
    end
  end
end
