# frozen_string_literal: true

module Ocireg
  # OCI image layouts on this machine, and what places hold.
  module Layouts
    # The manifest that any place names: ocireg_endpoint_manifest.
    # @param place [String] docker://REF, oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:REF], dir:DIR
    # @param options platform:
    # @return [Hash] "mediaType", "digest", "size", "schema_version", "kind", "manifest", "place", "served_by"
    def place_manifest(place, **options)
      invoke(:ocireg_endpoint_manifest, text("place", place), outs: %i[json buffer], **options).first
    end

    # The exact bytes of the manifest that any place names: ocireg_endpoint_manifest.
    # @param place [String]
    # @param options platform:
    # @return [String]
    def place_manifest_bytes(place, **options)
      invoke(:ocireg_endpoint_manifest, text("place", place), outs: %i[json buffer], **options).last
    end

    # Everything that a layout, an archive or a directory holds: ocireg_endpoint_list.
    # @param place [String]
    # @return [Hash] "place", "tags", "images"
    def list_place(place, **options) = invoke(:ocireg_endpoint_list, text("place", place), **options)

    # What refers to the manifest that any place names: ocireg_endpoint_referrers.
    # @param place [String]
    # @param options artifact_type:
    # @return [Hash] "place", "subject", "referrers", "served_by"
    def place_referrers(place, **options) = invoke(:ocireg_endpoint_referrers, text("place", place), **options)

    # Reads everything in a layout and checks its digests: ocireg_layout_check.
    # @param path [String, Pathname]
    # @return [Hash] "ok", "images", "blobs", "bytes", "problems", "sparse" (digests of missing manifests: not ok then)
    def check_layout(path, **options) = invoke(:ocireg_layout_check, text("path", path), **options)

    # Removes the blobs that no image in a layout needs: ocireg_layout_clean.
    # @param path [String, Pathname]
    # @param options prune_sparse: also remove what only missing manifests may need; without it nothing is removed while
    # a manifest is missing @return [Hash] "removed", "bytes", "sparse"
    def clean_layout(path, **options) = invoke(:ocireg_layout_clean, text("path", path), **options)
  end
end
