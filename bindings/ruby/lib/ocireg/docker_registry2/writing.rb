# frozen_string_literal: true

module DockerRegistry2
  # Methods that change a registry.
  module Writing
    # Puts a manifest, and the layers and the config that it needs, from a directory as filled by {Pulling#pull}.
    # @param manifest [Manifest, Hash]
    # @param dir [String]
    # @param repo [String] default: where the manifest came from
    # @param tag [String] the same
    # @return [Response]
    # @raise [MissingLayerException]
    def push(manifest, dir, repo = origin(manifest, :repository), tag = origin(manifest, :tag))
      guard do
        digests_of(manifest).each { |digest| push_blob(repo, digest, File.join(dir, digest)) }
        body = manifest.respond_to?(:body) ? manifest.body : JSON.generate(manifest)
        response(@client.put_manifest(reference(repo, tag), body))
      end
    end

    # Gives an image another name in this registry, byte for byte.
    # @return [Response]
    # @raise [RegistryVersionException] for a manifest of schema 1
    def tag(repo, tag, newrepo, newtag)
      raise RegistryVersionException, "#{repo}:#{tag} is of schema 1" unless get_manifest(repo, tag)["schemaVersion"] == 2

      guard { response(@client.tag_image(reference(repo, tag), reference(newrepo, newtag))) }
    end

    # Copies an image to another registry, or within this one.
    # @param newregistry [Registry, String] a registry that was connected to, or its URI
    # @return [Hash] as in {Ocireg::Images#copy}
    def copy(repo, tag, newregistry, newrepo, newtag)
      newregistry = Registry.new(newregistry) unless newregistry.is_a?(Registry)
      guard do
        newregistry.introduce(@client) unless newregistry.equal?(self)
        @client.copy(reference(repo, tag), newregistry.reference(newrepo, newtag))
      end
    end

    # Deletes one tag, and keeps the image and its other tags: if a registry deletes those too, they are put back.
    # @param image [String]
    # @param tag [String]
    # @param replace [Boolean] if the registry cannot delete a single tag: put a placeholder under the tag, and delete
    # that @return [Integer] the HTTP status, 202 @raise [InvalidMethod] if the registry cannot delete a single tag; the
    # message says what to do
    def rmtag(image, tag, replace: false)
      guard { @client.delete_tag(reference(image, tag), replace: replace, list_others: true)["status"] }
    rescue InvalidMethod => e
      raise InvalidMethod.new([e.message, e.hint].compact.join(": "), e.details)
    end

    # Deletes every manifest in a repository.
    # @return [Hash] as in {Ocireg::Registries#remove_repository}
    def rmrepo(repo)
      guard { @client.remove_repository("#{@name}/#{repo}") }
    end

    # Appends a tar file, compressed or not, as a layer to an image, and puts the result under the tag.
    # @param repo [String]
    # @param tag [String]
    # @param file [String] a path
    # @return [Manifest] the new one
    # @raise [RegistryAppendError]
    def append_tarball(repo, tag, file)
      image = reference(repo, tag)
      guard { @client.append_image(image, [file], to: image) }
      get_manifest(repo, tag)
    rescue NotFound, RegistryAuthenticationException, RegistryAuthorizationException, RegistryUnknownException
      raise
    rescue Exception => e
      raise RegistryAppendError.new(e.message, e.details)
    end
    alias append_blob append_tarball

    private

    def origin(manifest, what)
      found = manifest.public_send(what) if manifest.is_a?(Manifest)
      found or raise DockerRegistry2::Exception, "the manifest does not say where it came from: pass the #{what}"
    end

    def push_blob(repo, digest, path)
      return if @client.blob?(reference(repo, digest))
      raise MissingLayerException, "#{path} is missing" unless File.file?(path)

      @client.put_blob("#{@name}/#{repo}", Pathname(path), digest: digest)
    end

    def response(result) = Response.new(201, { docker_content_digest: result["digest"] }, "")
  end
end
