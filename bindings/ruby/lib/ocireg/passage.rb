# frozen_string_literal: true

module Ocireg
  # Bytes on their way from the worker that reads them to who takes them. Places are counted from the stream's begin. Who waits
  # takes a token, after which he looks for himself: a lost one loses nothing, and nothing is locked.
  # @api private
  class Passage
    def initialize
      @there = Thread::Queue.new
      @room = Thread::Queue.new
      @over = false
      @failure = nil
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

    def closed? = @there.closed?

    private

    # On the worker: something is there.
    def tell
      @there.push(true) if @there.empty?
    end

    # Something has been taken.
    def make_room
      @room.push(true) if @room.empty?
    rescue ClosedQueueError
      nil # whoever waits next will see it
    end

    # Waits until the block says that it is there, or nothing comes any more.
    def await_there
      until yield || @over || closed?
        @there.pop
        @there.clear
      end
    end

    # On the worker: waits until the block says that there is room. False when the passage is closed.
    def await_room
      until yield || @room.closed?
        @room.pop
        @room.clear
      end
      !@room.closed?
    end

    # Why there is less than was waited for, unless it is the end.
    def refuse
      raise @failure if @failure
      raise Closed, "the reader is closed" unless @over
    end
  end
end
