# frozen_string_literal: true

module DockerRegistry2
  # A registry. See {DockerRegistry2.connect}.
  class Registry
    include Errors
    include Pulling
    include Writing

    # @param uri [#to_s] with its scheme
    # @param options [Hash] :user, :password, :open_timeout (2 seconds), :read_timeout (5), :missing (:empty makes
    # {#tags}, {#manifest} and {#pull} return {} for what does not exist, as the gem's README says, instead of raising
    # {NotFound}, as its code does), and :http_options: from RestClient's options :proxy, :verify_ssl, :ssl_ca_file,
    # :ssl_client_cert, :ssl_client_key, :headers, :timeout, :max_redirects, :open_timeout and :read_timeout
    def initialize(uri, options = {})
      guard do
        @uri = Settings.http(uri)
        @settings = Settings.new(@uri, options)
        @name = @settings.name
        @client = Ocireg::Client.new(**@settings.client, hosts: { @name => @settings.host })
        @places = Places.new
      end
    end

    # The repositories whose names match a regular expression.
    # @param query [String, Regexp]
    # @return [Array<String>]
    def search(query = "")
      guard do
        pattern = /#{query}/
        @client.each_repository(@name).select { |repo| repo.match?(pattern) }
      end
    end

    # The tags of a repository: all of them if no count is given.
    # @param repo [String]
    # @param count [Integer, nil] how many at most
    # @param last [String] only those after this one; the "last" of a page continues where that page ended, even where
    # the registry's cursor is not a name @param with_hashes [Boolean] also "hashes": what {#digest} gives}, a request
    # each => {tag => what {#digest} returns}, one request each => what {#digest} gives}, a request each @param
    # auto_paginate [Boolean] all of them, `count` at a time @return [Hash] "name", "tags", "hashes", "last" (if there
    # are more)
    def tags(repo, count = nil, last = "", with_hashes = false, auto_paginate: false) # rubocop:disable Style/OptionalBooleanParameter
      last = nil if last.to_s.empty?
      found = or_missing({}) { guard { list(repo, count, last, auto_paginate) } }
      found["hashes"] = found["tags"].to_h { |tag| [tag, digest(repo, tag)] } if with_hashes && found.key?("tags")
      found
    end

    # A manifest or an index.
    # @param repo [String]
    # @param tag [String] or a digest
    # @return [Manifest]
    def manifest(repo, tag) = or_missing(Manifest.missing) { get_manifest(repo, tag) }

    # The digest of a manifest or an index.
    # @return [String]
    def manifest_digest(repo, tag) = guard { @client.manifest_digest(reference(repo, tag)) }

    # The digest of an image; for an index, that of the image for a platform, or without a platform what the index
    # lists.
    # @return [String, Array<Hash>]
    def digest(image, tag, architecture = nil, os = nil, variant = nil)
      manifest = get_manifest(image, tag)
      entries = manifest["manifests"] or return manifest.headers[:docker_content_digest]
      return entries if architecture.nil? || os.nil?

      wanted = { "architecture" => architecture, "os" => os, "variant" => variant }.compact
      found = entries.find { |entry| wanted <= (entry["platform"] || {}) }
      return found["digest"] if found

      raise NotFound, "No matches found for the image=#{image} tag=#{tag} os=#{os} architecture=#{architecture}"
    end

    # The total size of a manifest's layers.
    # @param manifest [Hash]
    # @return [Integer]
    def manifest_sum(manifest) = manifest["layers"].sum { |layer| layer["size"] }

    # Without credentials, so that they do not get into a log.
    # @return [String]
    def inspect = "#<#{self.class} #{@name}>"

    # @api private
    def reference(repo, tag) = "#{@name}/#{repo}#{tag.to_s.include?(":") ? "@" : ":"}#{tag}"

    # Tells another registry's client how to reach this one.
    # @api private
    def introduce(client) = client.set_host(@name, **@settings.host)

    private

    def or_missing(empty)
      yield
    rescue NotFound
      raise unless @settings.empty_if_missing?

      empty
    end

    def list(repo, count, last, all)
      name = "#{@name}/#{repo}"
      page = @client.tags(name, n: count, all: (true if count && all), **@places.after(name, last))
      @places.keep(name, page["last"], page["next"])
      page.except("next", "served_by", "resolved_by").merge("tags" => page["tags"].dup).compact
    end

    def get_manifest(repo, tag, **options)
      got = guard { @client.manifest(reference(repo, tag), **options) }
      Manifest[JSON.parse(got.bytes, max_nesting: false)].tap do |manifest|
        manifest.body = got.bytes.dup.force_encoding(Encoding::UTF_8)
        manifest.headers = { docker_content_digest: got.digest, content_type: got.media_type }.merge(Headers.of(got.info["headers"]))
        manifest.repository = repo
        manifest.tag = tag
      end
    end
  end
end
