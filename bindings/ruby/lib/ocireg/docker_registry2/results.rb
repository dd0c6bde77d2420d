# frozen_string_literal: true

module DockerRegistry2
  # A manifest or an index: its document, with string keys.
  class Manifest < Hash
    # @return [String] the exact bytes
    attr_accessor :body
    # @return [Hash{Symbol => String}] the headers of the response: :docker_content_digest, :content_type, …
    attr_accessor :headers
    # @return [String, nil] where it came from; {Registry#push} puts it there again
    attr_accessor :repository, :tag

    # Stands for a missing manifest, where that is not an error.
    # @api private
    def self.missing
      new.tap do |manifest|
        manifest.body = "{}"
        manifest.headers = {}
      end
    end
  end

  # A blob.
  class Blob
    # @return [String] the bytes
    attr_reader :body

    # @param headers [Hash, #call] the headers, or a callable that gets them when needed
    # @param body [String]
    def initialize(headers, body)
      @headers = headers
      @body = body
    end

    # @return [Hash{Symbol => String}] :content_type, :content_length, …
    def headers
      @headers = @headers.call if @headers.respond_to?(:call)
      @headers
    end
  end

  # What remains of an HTTP response.
  Response = Struct.new(:code, :headers, :body)

  # Header names as the gem's users know them.
  # @api private
  module Headers
    # "Docker-Content-Digest" becomes :docker_content_digest.
    def self.of(headers) = headers.to_h { |name, value| [name.downcase.tr("-", "_").to_sym, value] }
  end
end
