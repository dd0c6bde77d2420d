# frozen_string_literal: true

module Ocireg
  # Keyword arguments as the library's options. ocireg.h lists them; an unknown one is an InvalidArgument.
  # @api private
  module Options
    module_function

    # The pointer for a call; nil when there are no options.
    def of(values)
      values = values.compact
      return if values.empty?

      Status.made(Handle::Options, :ocireg_options_new).tap do |options|
        values.each { |key, value| set(options, key.to_s, value) }
      end
    end

    # Sets one option, according to the type of its value.
    def set(options, key, value)
      case value
      when String, Symbol, Pathname then put(:set_string, options, key, Convert.text(key, value))
      when true, false then put(:set_bool, options, key, value)
      when Integer then put_integer(options, key, value)
      when Float, Rational then put(:set_double, options, key, value.to_f)
      when Array then put_list(options, key, value)
      else put_json(options, key, value)
      end
    end

    def put(how, options, key, value)
      Status.check { |error| Native.public_send(:"ocireg_options_#{how}", options, Convert.text("option", key), value, error) }
    end

    def put_integer(options, key, value)
      raise InvalidArgument, "option #{key}: #{value} is too large" unless value.bit_length < 64

      put(:set_int, options, key, value)
    end

    def put_list(options, key, values)
      return put_json(options, key, values) if values.empty? || values.any?(Hash)

      values.each { |value| put(:add_string, options, key, Convert.text(key, value)) }
    end

    # Other numbers, and objects such as headers.
    def put_json(options, key, value)
      text = JSON.generate({ key => value })
      Status.check { |error| Native.ocireg_options_parse(options, text, error) }
    rescue JSON::GeneratorError => e
      raise InvalidArgument, "option #{key}: #{e.message}"
    end
    private_class_method :put, :put_integer, :put_list, :put_json
  end
end
