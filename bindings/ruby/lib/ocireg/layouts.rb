# frozen_string_literal: true

module Ocireg
  # OCI image layouts on this machine.
  module Layouts
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
