# frozen_string_literal: true

require "json"

module Ocireg
  # Conversion between Ruby's values and the library's.
  # @api private
  module Convert
    module_function

    # A string for C, which ends at its first NUL. A copy, so that no thread changes it while the library reads it without
    # the lock.
    def text(what, value)
      string = value.respond_to?(:to_path) ? value.to_path : value
      string = string.to_s if string.is_a?(Symbol) || string.is_a?(Reference)
      raise InvalidArgument, "#{what} is #{value.inspect}, not a String" unless string.is_a?(String)
      string = utf8(string)
      string = string.dup.freeze unless string.frozen?
      raise InvalidArgument, "#{what} contains a NUL" if string.include?("\0")

      string
    rescue EncodingError => e
      raise InvalidArgument, "#{what}: #{e.message}"
    rescue ArgumentError # include? of broken UTF-8
      raise InvalidArgument, "#{what} is not valid #{string.encoding}"
    end

    # A copy of bytes that no thread changes while the library reads them without the lock. Ruby shares the memory.
    def bytes(what, value)
      raise InvalidArgument, "#{what} is #{value.class}, not a String" unless value.is_a?(String)

      value.frozen? ? value : value.dup.freeze
    end

    # The path of a file that is written anew. Not an open file, which would be replaced behind the caller's back.
    def path(what, value, otherwise)
      open = IO.try_convert(value) || (value.respond_to?(:write) && !value.respond_to?(:to_path))
      raise TypeError, "#{what} is #{value.class}, not a path: #{otherwise} writes to what is open" if open

      text(what, value)
    end

    # A block that is given as an argument, or nil.
    def callable(what, value)
      raise TypeError, "#{what} is #{value.class}, which cannot be called" unless value.nil? || value.respond_to?(:call)

      value
    end

    def hash(what, value)
      raise TypeError, "#{what} is #{value.class}, not a Hash" unless value.is_a?(Hash)

      value
    end

    # The longest time limit, in seconds: a longer one is cut to it.
    LONGEST = 1e9
    private_constant :LONGEST

    # A time limit, nil for none: anything that is a number of seconds.
    def seconds(what, value)
      return if value.nil? || value == Float::INFINITY
      raise InvalidArgument, "#{what} is #{value.inspect}, not a number of seconds" if value.is_a?(String) || !value.respond_to?(:to_f)

      seconds = value.to_f
      raise InvalidArgument, "#{what} is not a number" if seconds.nan?

      [seconds, LONGEST].min
    end

    # A number of bytes, as IO's methods take one.
    def size(value)
      raise TypeError, "no implicit conversion of #{value.class} into Integer" unless value.respond_to?(:to_int)

      value.to_int.tap { |size| raise ArgumentError, "negative length #{size}" if size.negative? }
    end

    # A JSON result, deeply frozen. Its keys are strings, as OCI names them.
    def json(text)
      JSON.parse(text, freeze: true, max_nesting: false)
    end

    # Takes over a string from the library.
    def take_string(pointer)
      return if pointer.null?

      pointer.read_string.force_encoding(Encoding::UTF_8).freeze
    ensure
      Native.ocireg_string_free(pointer)
    end

    # The bytes of a buffer that stays the library's.
    def buffer(pointer)
      Native.ocireg_buffer_data(pointer).read_bytes(Native.ocireg_buffer_size(pointer)).freeze unless pointer.null?
    end

    # Takes over a buffer from the library.
    def take_buffer(pointer)
      buffer(pointer)
    ensure
      Native.ocireg_buffer_free(pointer)
    end

    def utf8(string)
      case string.encoding
      when Encoding::UTF_8, Encoding::US_ASCII, Encoding::BINARY then string
      else string.encode(Encoding::UTF_8)
      end
    end
    private_class_method :utf8
  end
end
