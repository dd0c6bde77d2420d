# frozen_string_literal: true

module Ocireg
  # The parsed name of an image: [[SCHEME://]HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]. Frozen.
  class Reference
    # @param name [String]
    # @param default_index [String, nil] the registry of names without one, instead of Docker Hub
    # @return [Reference]
    # @raise [InvalidReference]
    def self.parse(name, default_index: nil)
      name = Convert.text("name", name)
      options = Options.of(default_index: default_index)
      new(Pure.json { |out, error| Native.ocireg_reference_parse(name, options, out, error) })
    end

    # @return [Hash] as in ocireg_reference_parse
    attr_reader :to_h

    # @api private
    def initialize(parts)
      @to_h = parts
      freeze
    end

    # @return [String] the registry: "docker.io"
    def host = to_h["index"]["name"]
    # @return [String, nil] "https" or "http", if the name has a scheme
    def scheme = to_h["index"]["scheme"]
    # @return [Boolean] whether it is an official image of Docker Hub
    def official? = to_h["official"]
    # @return [String] what the registry calls the repository: "library/mongo"
    def repository = to_h["remote_name"]
    # @return [String] "mongo"
    def local_name = to_h["local_name"]
    # @return [String] "docker.io/mongo"
    def canonical_name = to_h["canonical_name"]
    # @return [String, nil] "latest" when there is neither tag nor digest
    def tag = to_h["tag"]
    # @return [String, nil]
    def digest = to_h["digest"]
    # @return [String] "docker.io/mongo:latest"
    def canonical = to_h["canonical_ref"]
    # @return [String] "docker.io/library/mongo:latest"
    def to_s = to_h["reference"]
    # @return [String]
    def inspect = "#<#{self.class} #{self}>"

    # References with the same text are equal.
    def ==(other) = other.is_a?(Reference) && to_s == other.to_s
    alias eql? ==
    # @return [Integer]
    def hash = to_s.hash
  end
end
