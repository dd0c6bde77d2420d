# frozen_string_literal: true

module Ocireg
  # Indexes, at any place that {Images} names.
  module Indexes
    # Makes an index of what references name, wherever that is, with everything that it needs: ocireg_index_create.
    # @param place [String]
    # @param references [String, Array<String>] places, or digests of manifests in the same repository or layout; one that is an index
    #   gives its entries, with their attestations
    # @param options platform: (a list), media_type: ("oci" or "docker"), annotations: (["KEY=VALUE"]), entry_annotations: (of each new
    #   entry), artifact_type:, subject:, referrers:, tags: (other names that it gets), dry_run:, concurrency:, if_exists: and if_digest: as
    #   in {Images#copy}
    # @return [Hash] "destination", "digest", "mediaType", "size", "before", "manifests", "added", "removed", "subject", "copied",
    #   "attempts", "skipped", "condition" (what made sure that the name could be set: "registry", "locked" or "looked"; after a change also
    #   "unconfirmed": it is made, but the look whether it has lasted failed), "tags", "manifest" (with dry_run the bytes, else nil)
    # @yield as in {Blobs#blob_to_file}
    def create_index(place, references, **options, &progress)
      invoke(:ocireg_index_create, text("place", place), references: Array(references), **options, &progress)
    end

    # Puts what references name into an index, behind what is in it, even if others do that at once: ocireg_index_append.
    # @param place [String]
    # @param references [String, Array<String>] as in {#create_index}
    # @param options platform: (a list), replace: (the images for the same platforms), create: (when there is none), media_type:,
    #   annotations: (over those that it has), entry_annotations:, subject: (what it is about from now on), put_as: (another name,
    #   which the changed index gets instead), referrers:, tags:, dry_run:, concurrency:, if_digest:
    # @return [Hash] as in {#create_index}
    # @yield as in {Blobs#blob_to_file}
    def append_to_index(place, references, **options, &progress)
      invoke(:ocireg_index_append, text("place", place), references: Array(references), **options, &progress)
    end

    # Takes entries out of an index, with their attestations; the manifests stay: ocireg_index_remove.
    # @param place [String]
    # @param digests [String, Array<String>]
    # @param options platform: (a list), if_digest:, dry_run:
    # @return [Hash] as in {#create_index}
    def remove_from_index(place, digests = [], **options)
      invoke(:ocireg_index_remove, text("place", place), digests: Array(digests), **options)
    end
  end
end
