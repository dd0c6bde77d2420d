# frozen_string_literal: true

module Ocireg
  # An open blob, to be read like an IO: IO.copy_stream takes it. Its end is only reached when the bytes have been verified; a
  # wrong digest or a short transfer is an error, never an end. For one thread at a time. An interrupted read loses nothing: the next one goes
  # on. Close it before its end to stop the transfer.
  class BlobReader
    include Enumerable

    # The most bytes that come at once.
    CHUNK = ReadAhead::CHUNK

    # @api private
    def self.open(handle, call)
      reader = new(handle, call)
      return reader unless block_given?

      begin
        yield reader
      ensure
        reader.close
      end
    end

    # @return [Integer] how many bytes were read
    attr_reader :pos
    alias tell pos

    # @api private
    def initialize(handle, call)
      @handle = handle
      @call = call
      @info = told # now: a reader at work is busy
      @ahead = ReadAhead.new(handle, call)
      @ender = @ahead.ender
      ObjectSpace.define_finalizer(self, @ender)
      @buffer = ""
      @offset = @pos = 0
      @end = @closed = false
    end

    # @return [Hash] what is known of it: "digest", "size", "offset", "mediaType"; ocireg_blob_reader_info
    def info
      open!
      @info
    end

    # @return [Integer, nil] the size of the whole blob
    def size = info["size"]

    # Reads up to `length` bytes, fewer only at the end; without a length everything. As IO#read.
    # @param length [Integer, nil]
    # @param outbuf [String, nil] gets the bytes
    # @return [String, nil] binary; nil at the end when a length was given
    def read(length = nil, outbuf = nil)
      raise ArgumentError, "negative length #{length}" if length&.negative?

      data = cleared(outbuf)
      return data if length&.zero?

      open!
      nil while (length.nil? || available < length) && more
      return (data unless length) if available.zero?

      take(length || available, outbuf)
    end

    # Reads what is there, at least one byte, at most `length`. As IO#readpartial.
    # @return [String] binary
    # @raise [EOFError] at the end
    def readpartial(length, outbuf = nil)
      raise ArgumentError, "negative length #{length}" if length.negative?

      return cleared(outbuf) if length.zero?
      raise EOFError, "end of the blob" unless fill

      take(length, outbuf)
    end

    # Goes through the bytes as they come.
    # @param size [Integer] the most bytes at a time
    # @yieldparam chunk [String] binary
    # @return [Enumerator<String>, self]
    def each_chunk(size = CHUNK)
      return enum_for(:each_chunk, size) unless block_given?

      yield take(size) while fill
      self
    end
    alias each each_chunk

    # Whether there is nothing more to read. Waits for the next bytes, as IO#eof? does.
    # @return [Boolean]
    def eof? = !fill
    alias eof eof?

    # Closes it, which ends the transfer. Any number of times; another thread's read ends too.
    # @return [void]
    def close
      return if @closed

      @closed = true
      begin
        shut
      ensure
        @ender.call
        @call.finished
        ObjectSpace.undefine_finalizer(self)
      end
      nil
    end

    # @return [Boolean]
    def closed? = @closed

    # It gives bytes whatever the mode.
    # @return [self]
    def binmode = self

    # @return [String]
    def inspect = "#<#{self.class}#{" closed" if @closed} at #{@pos}>"

    private

    def told
      json, = Status.call(1) { |out, error| Native.ocireg_blob_reader_info(@handle, out, error) }
      Convert.json(Convert.take_string(json))
    end

    def open!
      raise Closed, "the reader is closed" if @closed
    end

    def cleared(outbuf) = outbuf ? outbuf.replace("").force_encoding(Encoding::BINARY) : String.new

    # A reader that is at work reading ahead is busy: the end of its call ends it too.
    def shut
      Status.check { |error| Native.ocireg_blob_reader_close(@handle, error) }
    rescue Busy, Forked
      nil
    end

    def available = @buffer.bytesize - @offset

    # Whether there are bytes in the buffer: gets more when it is used up.
    def fill
      open!
      available.positive? || more
    end

    # Gets more into the buffer, behind what is there: what was not taken yet is not lost, whatever happens. False at the end.
    def more
      return false if @end

      @ahead.next { |chunk| add(chunk) }
      !@end
    end

    def add(chunk)
      if chunk.empty?
        @end = true
      elsif available.zero?
        @buffer = chunk
        @offset = 0
      else
        buffer = @offset.zero? ? @buffer : @buffer.byteslice(@offset..)
        @buffer = buffer << chunk
        @offset = 0
      end
    end

    # Takes bytes out of the buffer: all that can be interrupted comes first. Who gets the last of it may change it.
    def take(length, outbuf = nil)
      piece = @offset.zero? && length >= @buffer.bytesize ? @buffer : @buffer.byteslice(@offset, length)
      rest = piece.bytesize == available ? "" : @buffer
      offset = rest.empty? ? 0 : @offset + piece.bytesize
      pos = @pos + piece.bytesize
      piece = outbuf.replace(piece) if outbuf
      @buffer = rest
      @offset = offset
      @pos = pos
      piece
    end
  end
end
