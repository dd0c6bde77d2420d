# frozen_string_literal: true

module Ocireg
  # Signed schema-1 manifests, used before 2016.
  module Schema1
    module_function

    # Verifies a signed manifest: ocireg_schema1_verify.
    # @param data [String]
    # @param options keys:, ca_pem:, ca_file:, time:
    # @return [Hash] "digest", "name", "tag", "architecture", "fs_layers", "history", "signatures"
    def verify(data, **options)
      bytes = Convert.bytes("data", data)
      handle = Options.of(options)
      Pure.json { |out, error| Native.ocireg_schema1_verify(bytes, bytes.bytesize, handle, out, error) }
    end

    # The exact bytes that the signatures cover: ocireg_schema1_payload.
    # @param data [String]
    # @return [String]
    def payload(data)
      bytes = Convert.bytes("data", data)
      Pure.buffer { |out, error| Native.ocireg_schema1_payload(bytes, bytes.bytesize, out, error) }
    end

    # Signs a manifest: ocireg_schema1_sign.
    # @param data [String]
    # @param key [String] a private key as PEM text
    # @param options chain:, time:
    # @return [String] the signed manifest
    def sign(data, key, **options)
      bytes = Convert.bytes("data", data)
      pem = Convert.text("key", key)
      handle = Options.of(options)
      Pure.buffer { |out, error| Native.ocireg_schema1_sign(bytes, bytes.bytesize, pem, handle, out, error) }
    end

    # Creates a private key: ocireg_schema1_key.
    # @param options format: "pkcs8" or "sec1"
    # @return [String] PEM text
    def key(**options)
      handle = Options.of(options)
      Pure.string { |out, error| Native.ocireg_schema1_key(handle, out, error) }
    end

    # Describes a key: ocireg_schema1_key_info.
    # @param pem [String]
    # @return [Hash] "key_id", "key_type", "crv", "public_key"
    def key_info(pem)
      text = Convert.text("pem", pem)
      Pure.json { |out, error| Native.ocireg_schema1_key_info(text, out, error) }
    end
  end
end
