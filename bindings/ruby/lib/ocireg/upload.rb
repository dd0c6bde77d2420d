# frozen_string_literal: true

module Ocireg
  # A blob that is being uploaded: write to it as to an IO (IO.copy_stream does), then {#finish}. For one thread at a time: another one gets
  # {Busy}, but may {#cancel} it. After an error or an interrupt it is broken: bytes may be missing or duplicated, and it can only be cancelled.
  class Upload
    include Uncopied

    # How many bytes are collected before they are passed to the library.
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
      @turn = Turn.new("the upload")
      @closed = @broken = false
    end

    # Adds bytes: ocireg_upload_write.
    # @param data [Array<String>]
    # @return [Integer] how many bytes that were
    def write(*data)
      parts = data.map(&:to_s)
      whole { parts.sum { |part| add(part) } }
    end

    # @return [self]
    def <<(data)
      write(data)
      self
    end

    # Passes to the library what was collected; it sends a chunk when that is full.
    # @return [self]
    def flush
      whole { hand_over }
      self
    end

    # Completes the upload; the blob exists from now on: ocireg_upload_finish.
    # @param digest [String, nil] the digest that the bytes must have
    # @return [Hash] "digest", "size", "location", "uploaded", "mounted"
    def finish(digest = nil)
      digest &&= Convert.text("digest", digest)
      over { json { |out, error| Native.ocireg_upload_finish(@handle, digest, out, error) } }
    end

    # Sends what was written and releases the session: ocireg_upload_save.
    # @return [Hash] the session, for {Uploads#resume_upload}
    def save
      over { json { |out, error| Native.ocireg_upload_save(@handle, out, error) } }
    end

    # Cancels the upload, also at the registry: ocireg_upload_cancel. When an interrupt, its context or its time has ended it, the registry
    # is told so without waiting longer than 120 ms for the answer: ocireg_upload_free. So it is when another thread writes to it, whose write
    # ends with {Closed}.
    # @return [void]
    def cancel
      return if @closed

      @turn.refuse if @call.inside?
      @closed = true
      begin
        end_write unless @turn.over?
        @call.ended? ? free : @call.run { Status.check { |error| Native.ocireg_upload_cancel(@handle, error) } }
      ensure
        @call.finished
      end
      nil
    end

    # Whether it was finished, saved or cancelled.
    # @return [Boolean]
    def closed? = @closed

    # It accepts bytes whatever the mode.
    # @return [self]
    def binmode = self

    # @return [String]
    def inspect = "#<#{self.class}#{" closed" if @closed} at #{@pos}>"

    # {#cancel}, while another error is being raised.
    # @api private
    def abandon
      cancel
    rescue Error
      nil
    end

    private

    # Of another thread.
    def end_write
      @call.cancel
      @turn.over?(Job::PATIENCE)
    end

    def free
      handle = @handle
      Worker.run(-> {}) { handle.free }
    end

    def open!
      raise Closed, "the upload is over" if @closed
    end

    # Runs work that either completes or breaks the upload.
    def whole(&block)
      @turn.take { whole_or_broken(&block) }
    rescue Cancelled
      open! # another thread has cancelled the upload
      raise
    end

    # A broken upload raises the library's error again.
    def whole_or_broken
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
