# frozen_string_literal: true

module Ocireg
  # A blob that is being uploaded: write to it as to an IO (IO.copy_stream does), then {#finish}. For one thread at a time. After
  # an error or an interrupt it is broken: it may lack bytes or have them twice, and can only be cancelled.
  class Upload
    # So many bytes are gathered before the library gets them.
    CHUNK = 1024 * 1024

    # @api private
    def self.open(handle, call)
      upload = new(handle, call)
      return upload unless block_given?

      begin
        yield upload
        upload.finish unless upload.closed?
      ensure
        upload.abandon unless upload.closed?
      end
    end

    # @return [Integer] how many bytes were written
    attr_reader :pos
    alias tell pos

    # @api private
    def initialize(handle, call)
      @handle = handle
      @call = call
      @buffer = String.new(encoding: Encoding::BINARY)
      @pos = 0
      @closed = @broken = false
    end

    # Adds bytes: ocireg_upload_write.
    # @param data [Array<String>]
    # @return [Integer] how many they are
    def write(*data)
      parts = data.map(&:to_s)
      whole { parts.sum { |part| add(part) } }
    end

    # @return [self]
    def <<(data)
      write(data)
      self
    end

    # Hands over to the library what was gathered; it sends a chunk when that is full.
    # @return [self]
    def flush
      whole { hand_over }
      self
    end

    # Ends the upload: the blob exists from now on: ocireg_upload_finish.
    # @param digest [String, nil] what the bytes must have
    # @return [Hash] "digest", "size", "location", "uploaded", "mounted"
    def finish(digest = nil)
      digest &&= Convert.text("digest", digest)
      over { json { |out, error| Native.ocireg_upload_finish(@handle, digest, out, error) } }
    end

    # Sends what was written and lets go of the session: ocireg_upload_save.
    # @return [Hash] the session, for {Uploads#resume_upload}
    def save
      over { json { |out, error| Native.ocireg_upload_save(@handle, out, error) } }
    end

    # Gives the upload up, and tells the registry: ocireg_upload_cancel.
    # @return [void]
    def cancel
      return if @closed

      @closed = true
      begin
        @call.run { Status.check { |error| Native.ocireg_upload_cancel(@handle, error) } }
      ensure
        @call.finished
      end
      nil
    end

    # Whether it is over.
    # @return [Boolean]
    def closed? = @closed

    # It takes bytes whatever the mode.
    # @return [self]
    def binmode = self

    # @return [String]
    def inspect = "#<#{self.class}#{" closed" if @closed} at #{@pos}>"

    # {#cancel}, while another error is on its way.
    # @api private
    def abandon
      cancel
    rescue Error
      nil
    end

    private

    def open!
      raise Closed, "the upload is over" if @closed
    end

    # Work that is done whole, or breaks the upload. What the library said is said again.
    def whole
      open!
      raise(@reason || Cancelled.new("the upload was interrupted, and can only be cancelled")) if @broken

      @broken = true
      result = yield
      @broken = false
      result
    rescue Error => e
      @reason ||= e if @broken
      raise
    end

    def add(data)
      @buffer << data.b
      hand_over if @buffer.bytesize >= CHUNK
      @pos += data.bytesize
      data.bytesize
    end

    def hand_over
      return if @buffer.empty?

      data = @buffer.freeze
      @buffer = String.new(encoding: Encoding::BINARY)
      @call.run { Status.check { |error| Native.ocireg_upload_write(@handle, data, data.bytesize, error) } }
    end

    def over(&block)
      whole do
        hand_over
        result = @call.run(&block)
        @closed = true
        result
      end
    ensure
      @call.finished if @closed
    end

    def json(&block)
      Convert.json(Convert.take_string(Status.call(1, &block).first))
    end
  end
end
