# frozen_string_literal: true

module Ocireg
  # Handles statuses of the library and the errors that come with them.
  # @api private
  module Status
    POINTER = FFI::Pointer.size

    module_function

    # Makes a call that only succeeds or fails. The block receives the pointer for the error.
    def check
      place = FFI::MemoryPointer.new(:pointer)
      status = yield(place)
      failed(status, place.read_pointer) unless status.zero?
    end

    # Makes a call with `count` results. The block receives the pointers for them, and last that for the error.
    def call(count)
      places = FFI::MemoryPointer.new(:pointer, count + 1)
      outs = Array.new(count + 1) { |i| places + (i * POINTER) }
      status = yield(*outs)
      failed(status, outs.last.read_pointer) unless status.zero?
      outs.pop
      outs.map(&:read_pointer)
    end

    # A new object of the library.
    def made(handle, function, *arguments)
      handle.new(call(1) { |out, error| Native.public_send(function, *arguments, out, error) }.first)
    end

    # Raises the error of a failed call. What a caller's block raised takes precedence: it is the reason.
    def failed(status, pointer)
      error = error(status, pointer)
      raise Job.current.failure if Job.current&.failure

      raise error
    end

    def error(status, pointer)
      described(status, pointer)
    ensure
      Native.ocireg_error_free(pointer)
    end

    # An error that stays the library's.
    def described(status, pointer)
      kind = ERRORS.fetch(status, Error)
      return kind.new("error #{status}", { "code" => status }) if pointer.null?

      kind.new(Native.ocireg_error_message(pointer).force_encoding(Encoding::UTF_8),
               Convert.json(Native.ocireg_error_json(pointer).force_encoding(Encoding::UTF_8)))
    end
    private_class_method :failed, :error
  end
end
