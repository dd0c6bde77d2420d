# frozen_string_literal: true

# Functions that need no registry: names, digests, and the library's version.
module Ocireg
  # Calls with a single result and no I/O.
  # @api private
  module Pure
    module_function

    def string(&block) = Convert.take_string(Status.call(1, &block).first)
    def buffer(&block) = Convert.take_buffer(Status.call(1, &block).first)
    def json(&block) = Convert.json(string(&block))
  end

  class << self
    # @return [String] the version of the C library
    def library_version = Native.ocireg_version

    # The digest of bytes: ocireg_digest_bytes.
    # @param data [String]
    # @param options algorithm: "sha256" or "sha512"
    # @return [String] "sha256:…"
    def digest(data, **options)
      bytes = Convert.bytes("data", data)
      handle = Options.of(options)
      Pure.string { |out, error| Native.ocireg_digest_bytes(bytes, bytes.bytesize, handle, out, error) }
    end

    # Parses the name of a registry: ocireg_index_parse.
    # @param name [String] [SCHEME://]HOST[:PORT]
    # @return [Hash] "name", "host", "official", "scheme"
    def parse_registry(name)
      name = Convert.text("name", name)
      Pure.json { |out, error| Native.ocireg_index_parse(name, out, error) }
    end

    # Parses the name of a place to copy from or to: ocireg_endpoint_parse.
    # @param name [String] docker://REF, oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:REF], dir:DIR
    # @return [Hash] "transport", "registry", "reference", "path", "name"
    def parse_place(name)
      name = Convert.text("name", name)
      Pure.json { |out, error| Native.ocireg_endpoint_parse(name, out, error) }
    end

    # Checks the bytes of a manifest and describes it: ocireg_manifest_inspect.
    # @param data [String]
    # @param options media_type:
    # @return [Manifest]
    def inspect_manifest(data, **options)
      bytes = Convert.bytes("data", data)
      handle = Options.of(options)
      info = Pure.json { |out, error| Native.ocireg_manifest_inspect(bytes, bytes.bytesize, handle, out, error) }
      Manifest.new(info, bytes)
    end

    # Makes a manifest or an index of its parts: ocireg_manifest_build.
    # @param parts [Hash, String] its members, or JSON of them
    # @param options algorithm: "sha256" or "sha512"
    # @return [Manifest]
    def build_manifest(parts, **options)
      text = Convert.text("parts", parts.is_a?(Hash) ? JSON.generate(parts) : parts)
      handle = Options.of(options)
      json, bytes = Status.call(2) { |*outs| Native.ocireg_manifest_build(text, handle, *outs) }
      made = Convert.take_buffer(bytes)
      Manifest.new(Convert.json(Convert.take_string(json)), made)
    end
  end
end
