# frozen_string_literal: true

module DockerRegistry2
  # A registry. See {DockerRegistry2.connect}.
  class Registry
    include Errors
    include Pulling
    include Writing

    # @param uri [String]
    # @param options [Hash] :user, :password, :open_timeout (2 seconds), :read_timeout (5), and :http_options: of those of
    #   RestClient :proxy, :verify_ssl, :ssl_ca_file, :ssl_client_cert, :ssl_client_key, :headers, :timeout, :max_redirects,
    #   :open_timeout and :read_timeout
    def initialize(uri, options = {})
      @uri = URI.parse(uri)
      raise ArgumentError, "#{uri} is no http or https URI" unless @uri.is_a?(URI::HTTP)

      @settings = Settings.new(@uri, options)
      @name = @settings.name
      @client = guard { Ocireg::Client.new(**@settings.client, hosts: { @name => @settings.host }) }
    end

    # The repositories whose names match a regular expression.
    # @param query [String]
    # @return [Array<String>]
    def search(query = "")
      pattern = /#{query}/
      guard { @client.each_repository(@name).select { |repo| repo.match?(pattern) } }
    end

    # The tags of a repository: without a count all of them.
    # @param repo [String]
    # @param count [Integer, nil] how many at most
    # @param last [String] only those after this one
    # @param with_hashes [Boolean] also "hashes": {tag => what {#digest} gives}, a request each
    # @param auto_paginate [Boolean] all of them, `count` at a time
    # @return [Hash] "name", "tags", "hashes", "last" (if there are more)
    def tags(repo, count = nil, last = "", with_hashes = false, auto_paginate: false) # rubocop:disable Style/OptionalBooleanParameter
      page = guard { @client.tags("#{@name}/#{repo}", n: count, last: last.to_s.empty? ? nil : last) }
      found = page.merge("tags" => page["tags"].dup).compact
      found["hashes"] = found["tags"].to_h { |tag| [tag, digest(repo, tag)] } if with_hashes
      auto_paginate && found["last"] ? with_the_rest(found, repo, count, with_hashes) : found
    end

    # A manifest or an index.
    # @param repo [String]
    # @param tag [String] or a digest
    # @return [Manifest]
    def manifest(repo, tag) = get_manifest(repo, tag)

    # The digest of a manifest or an index.
    # @return [String]
    def manifest_digest(repo, tag) = guard { @client.manifest_digest(reference(repo, tag)) }

    # The digest of an image: of an index the one for a platform, or without a platform what the index lists.
    # @return [String, Array<Hash>]
    def digest(image, tag, architecture = nil, os = nil, variant = nil)
      manifest = manifest(image, tag)
      entries = manifest["manifests"] or return manifest.headers[:docker_content_digest]
      return entries if architecture.nil? || os.nil?

      wanted = { "architecture" => architecture, "os" => os, "variant" => variant }.compact
      found = entries.find { |entry| wanted <= (entry["platform"] || {}) }
      return found["digest"] if found

      raise NotFound, "No matches found for the image=#{image} tag=#{tag} os=#{os} architecture=#{architecture}"
    end

    # The sizes of a manifest's layers, added up.
    # @param manifest [Hash]
    # @return [Integer]
    def manifest_sum(manifest) = manifest["layers"].sum { |layer| layer["size"] }

    # No credentials in a log.
    # @return [String]
    def inspect = "#<#{self.class} #{@name}>"

    # @api private
    def reference(repo, tag) = "#{@name}/#{repo}#{tag.include?(":") ? "@" : ":"}#{tag}"

    # Tells another registry's client how to reach this one.
    # @api private
    def introduce(client) = client.set_host(@name, **@settings.host)

    private

    def with_the_rest(found, repo, count, with_hashes)
      rest = tags(repo, count, found.delete("last"), with_hashes, auto_paginate: true)
      found["tags"] = (found["tags"] + rest["tags"]).uniq
      found["hashes"]&.merge!(rest["hashes"])
      found
    end

    def get_manifest(repo, tag, **options)
      got = guard { @client.manifest(reference(repo, tag), **options) }
      Manifest[JSON.parse(got.bytes)].tap do |manifest|
        manifest.body = got.bytes.dup.force_encoding(Encoding::UTF_8)
        manifest.headers = { docker_content_digest: got.digest, content_type: got.media_type }.merge(Headers.of(got.info["headers"]))
        manifest.repository = repo
        manifest.tag = tag
      end
    end
  end
end
