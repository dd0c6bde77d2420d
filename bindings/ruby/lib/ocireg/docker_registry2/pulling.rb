# frozen_string_literal: true

require "digest"
require "fileutils"
require "rbconfig"

module DockerRegistry2
  # Blobs, and images in a directory.
  module Pulling
    # Gets a blob, verified.
    # @param repo [String]
    # @param digest [String]
    # @param outpath [String, nil] a file for it
    # @return [Blob, String] the path, if one was given
    def blob(repo, digest, outpath = nil)
      reference = reference(repo, digest)
      guard do
        next outpath.tap { @client.blob_to_file(reference, outpath) } if outpath

        Blob.new(-> { Headers.of(@client.blob_head(reference)["headers"]) }, @client.blob(reference, limit: 2**31).dup.force_encoding(Encoding::UTF_8))
      end
    end

    # The size of a blob.
    # @param repo [String]
    # @param digest [String]
    # @return [Integer]
    def blob_size(repo, digest)
      found = guard { @client.blob_head(reference(repo, digest)) }
      raise NotFound, "Image not found at #{@uri.host}" unless found["exists"]

      found["size"] or raise RegistryHTTPException, "the registry does not say the size of #{digest}"
    end

    # Gets an image's layers and its config into a directory: each in a file named after its digest. Correct files that
    # exist are kept. For an index, it is the image for this machine.
    # @param repo [String]
    # @param tag [String]
    # @param dir [String] created if missing
    # @return [Array<Hash>, Hash] the layers, as in the manifest
    def pull(repo, tag, dir)
      guard { FileUtils.mkdir_p(dir) }
      manifest = manifest(repo, tag)
      return {} if manifest.empty?

      manifest = get_manifest(repo, tag, platform: this_machine) if manifest.key?("manifests")
      guard { digests_of(manifest).each { |digest| pull_blob(repo, digest, File.join(dir, digest)) } }
      manifest["layers"] || manifest["fsLayers"]
    end

    private

    def pull_blob(repo, digest, path)
      blob(repo, digest, path) unless File.file?(path) && file_digest(digest, path) == digest
    end

    def file_digest(like, path)
      algorithm = like.split(":").first
      "#{algorithm}:#{Digest(algorithm.upcase).file(path).hexdigest}"
    end

    # What a manifest needs, the config first.
    def digests_of(manifest)
      return manifest["fsLayers"].map { |layer| layer["blobSum"] }.uniq if manifest["schemaVersion"] == 1

      [manifest["config"], *manifest["layers"]].compact.map { |descriptor| descriptor["digest"] }.uniq
    end

    def this_machine
      cpu = RbConfig::CONFIG["host_cpu"]
      "linux/#{{ "x86_64" => "amd64", "aarch64" => "arm64", "i686" => "386" }.fetch(cpu, cpu)}"
    end
  end
end
