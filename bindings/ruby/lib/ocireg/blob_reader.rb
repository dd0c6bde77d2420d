# frozen_string_literal: true

module Ocireg
  # An open blob, to be read like an IO: IO.copy_stream accepts it. It reaches its end only when the bytes have been
  # verified; a wrong digest or a short transfer is an error, never an end. For one thread at a time: another one gets
  # {Busy}, but may {#close} it. An interrupted read loses nothing: the next one continues. Close it before its end to stop the transfer.
  class BlobReader
    include Enumerable
    include Uncopied

    # The most bytes in one piece.
    CHUNK = ReadAhead::CHUNK

    NONE = "".b.freeze
    private_constant :NONE

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
      @info = told # now: a reader in use is busy
      @ahead = ReadAhead.new(handle, call, @info["size"])
      @ender = @ahead.ender
      ObjectSpace.define_finalizer(self, @ender)
      @kept = NONE # what a read has collected but not returned
      @pos = 0
      @turn = Turn.new("the reader")
      @closed = false
    end

    # @return [Hash] what is known about it: "digest", "size", "offset", "mediaType"; ocireg_blob_reader_info
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
      length &&= Convert.size(length)
      return cleared(outbuf) if length&.zero?

      data = @turn.take do
        open!
        gather(length)
        take(length || @kept.bytesize, outbuf)
      end
      return data if data

      data = cleared(outbuf)
      length ? nil : data
    end

    # Reads what is available, at least one byte, at most `length`. As IO#readpartial.
    # @return [String] binary
    # @raise [EOFError] at the end
    def readpartial(length, outbuf = nil)
      length = Convert.size(length)
      return cleared(outbuf) if length.zero?

      @turn.take { take([length, available].min, outbuf) } || raise(EOFError, "end of the blob")
    end

    # Yields the bytes as they arrive.
    # @param size [Integer] the most bytes at a time
    # @yieldparam chunk [String] binary
    # @return [Enumerator<String>, self]
    def each_chunk(size = CHUNK)
      return enum_for(:each_chunk, size) unless block_given?

      @ahead.by_chunks
      while (chunk = @turn.take { take([size, available].min) })
        yield chunk
      end
      self
    end
    alias each each_chunk

    # Whether there is nothing more to read. Waits for the next bytes, as IO#eof? does.
    # @return [Boolean]
    def eof? = @turn.take { available.zero? }
    alias eof eof?

    # Closes it, which ends the transfer. May be called repeatedly; also ends another thread's read.
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

    # It returns bytes whatever the mode.
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

    # A reader that is reading ahead is busy: ending its call ends it too.
    def shut
      Status.check { |error| Native.ocireg_blob_reader_close(@handle, error) }
    rescue Busy, Forked
      nil
    end

    # The position of the next bytes.
    def place = @pos + @kept.bytesize

    # Waits until bytes are available, and returns how many; 0 at the end.
    def available
      open!
      @kept.empty? ? @ahead.await(@pos, 1) : @kept.bytesize
    end

    # Waits until there are `length` bytes in one piece, or collects them until there are; without a length collects
    # everything. What has not been returned yet is not lost, whatever happens.
    def gather(length)
      until length && @kept.bytesize >= length
        wanted = length ? length - @kept.bytesize : CHUNK
        there = @ahead.await(place, wanted)
        break if there.zero? || (length && there >= wanted && @kept.empty?)

        keep(@ahead.bytes(place, [there, wanted].min))
      end
    end

    def keep(bytes)
      @kept = @kept.empty? ? bytes : @kept << bytes
    end

    # Returns what is available, at most `length` bytes; nil when there is nothing. Everything that can be interrupted
    # happens before.
    def take(length, outbuf = nil)
      @kept.empty? ? take_there(length, outbuf) : take_kept(length, outbuf)
    end

    def take_there(length, outbuf)
      count = [length, @ahead.there(@pos)].min
      return if count.zero?

      piece = outbuf ? @ahead.into(outbuf, @pos, count) : @ahead.bytes(@pos, count)
      @pos += count
      piece
    end

    # The caller that gets the last of what is kept may modify it.
    def take_kept(length, outbuf)
      piece = length >= @kept.bytesize ? @kept : @kept.byteslice(0, length)
      rest = piece.equal?(@kept) ? NONE : @kept.byteslice(length..)
      pos = @pos + piece.bytesize
      piece = outbuf.replace(piece) if outbuf
      @kept = rest
      @pos = pos
      piece
    end
  end
end
