# frozen_string_literal: true

module Ocireg
  # Manifests and what refers to them.
  module Manifests
    # Gets a manifest: ocireg_manifest_get.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    # @param options platform:, accept:, max_schema_version:, accept_index:
    # @return [Manifest]
    def manifest(reference, **options)
      Manifest.new(*invoke(:ocireg_manifest_get, text("reference", reference), outs: %i[json buffer], **options))
    end

    # What a registry says about a manifest, without its bytes: ocireg_manifest_head.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    # @param options accept:
    # @return [Hash] "mediaType", "digest", "size", "headers", "rate_limit"
    def manifest_head(reference, **options)
      invoke(:ocireg_manifest_head, text("reference", reference), **options)
    end

    # Where a manifest can be had by a downloader of the program's own, such as Net::HTTP: ocireg_manifest_locate. The result is a secret.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    # @param options follow:, check:, failed:, fresh:, min_validity_ms:, refused:
    # @return [Hash] "reference", "repository", "digest", "size", "mediaType", "locations": to be asked in order, each with "url", …
    def manifest_locate(reference, **options)
      invoke(:ocireg_manifest_locate, text("reference", reference), **options)
    end

    # The digest of a manifest: ocireg_manifest_digest.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    # @param options as in {#manifest}
    # @return [String]
    def manifest_digest(reference, **options)
      invoke(:ocireg_manifest_digest, text("reference", reference), outs: %i[string], **options)
    end

    # Puts a manifest with unchanged bytes: ocireg_manifest_put.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    # @param manifest [String, Manifest, Hash] its bytes; a Hash is put as JSON
    # @param options media_type:, tags: (beside them a name without tag and digest does not stand for latest), referrers_tag:,
    #   if_exists: and if_digest: for each tag, as in {Images#copy}
    # @return [Hash] "digest", "size", "mediaType", "location", "tags", "skipped", "condition",
    #   "subject", "referrers"
    def put_manifest(reference, manifest, **options)
      invoke(:ocireg_manifest_put, text("reference", reference), *bytes("manifest", manifest_bytes(manifest)), **options)
    end

    # Deletes a manifest with all its tags: ocireg_manifest_delete.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY@DIGEST
    # @param options referrers_tag:
    # @return [Hash] "status", "subject", "referrers"
    def delete_manifest(reference, **options)
      invoke(:ocireg_manifest_delete, text("reference", reference), **options)
    end

    # Lists what refers to a manifest (signatures, SBOMs): ocireg_referrers.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY@DIGEST
    # @param options artifact_type:, annotations:, max:, next:
    # @return [Hash] "subject", "referrers", "source", "served_by", "filters_applied", "truncated", "next"
    def referrers(reference, **options)
      invoke(:ocireg_referrers, text("reference", reference), **options)
    end

    # Yields each descriptor that refers to a manifest.
    # @param reference [String] as in {#referrers}, also its options
    # @yieldparam descriptor [Hash]
    # @return [Enumerator<Hash>, self]
    def each_referrer(reference, **options, &block)
      return enum_for(:each_referrer, reference, **options) unless block

      referrers(reference, **options)["referrers"].each(&block)
      self
    end

    private

    def manifest_bytes(manifest)
      case manifest
      when Manifest then manifest.bytes
      when Hash then JSON.generate(manifest)
      else manifest
      end
    end
  end
end
