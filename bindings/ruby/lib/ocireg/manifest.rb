# frozen_string_literal: true

module Ocireg
  # A manifest or an index: its exact bytes, and what is in them. Frozen.
  class Manifest
    # @return [String] the exact bytes, which the digest is computed from
    attr_reader :bytes
    # @return [Hash] the result of ocireg_manifest_get: "mediaType", "digest", "size", "kind", "headers", "rate_limit",
    # …
    attr_reader :info

    # @api private
    def initialize(info, bytes)
      @info = info
      @bytes = bytes
      freeze
    end

    # @return [String]
    def media_type = info["mediaType"]
    # @return [String]
    def digest = info["digest"]
    # @return [Integer] the size in bytes
    def size = info["size"]
    # @return [String] "image", "index", "artifact" or "schema1"
    def kind = info["kind"]
    # @return [String] HOST/REPOSITORY@DIGEST
    def reference = info["reference"]
    # @return [String] HOST/REPOSITORY
    def repository = info["repository"]
    # @return [Hash, nil] the platform that was selected from an index
    def platform = info["platform"]
    # @return [Hash] the document
    def document = info["manifest"]
    # @return [Array<Hash>] the descriptors of an image's layers, or of an artifact's blobs
    def layers = document["layers"] || document["blobs"] || []

    # A layer of a media type, or of any.
    # @param media_type [String, nil]
    # @param position [Integer] which of those, from 0 on
    # @return [Hash, nil] its descriptor
    def layer(media_type = nil, position = 0)
      layers.select { |layer| media_type.nil? || layer["mediaType"] == media_type }[position]
    end

    # @return [Hash, nil] the descriptor of an image's config
    def config = document["config"]
    # @return [Array<Hash>] the descriptors in an index
    def manifests = document["manifests"] || []
    # @return [Boolean]
    def index? = kind == "index"

    # A member of the document.
    # @param name [String]
    def [](name) = document[name]

    # @return [Hash] {#info}
    def to_h = info
    # @return [String] {#bytes}
    def to_s = bytes
    # @return [String]
    def inspect = "#<#{self.class} #{media_type} #{digest}>"

    # Manifests with the same bytes are equal.
    def ==(other) = other.is_a?(Manifest) && bytes == other.bytes
    alias eql? ==
    # @return [Integer]
    def hash = bytes.hash
  end
end
