# frozen_string_literal: true

module Ocireg
  # Images, wherever they are: an image is named as docker://REFERENCE or REFERENCE, oci:DIR[:NAME], oci-archive:FILE[:NAME],
  # docker-archive:FILE[:REFERENCE], dir:DIR or docker-v1://REFERENCE. When reading, FILE may be - (standard input), a
  # named pipe or /dev/fd/N, and compressed; NAME and REFERENCE may be @INDEX, the number of the image.
  module Images
    # Copies an image, an index with everything in it, or an artifact from one place to another: ocireg_copy.
    # @param source [String] a place
    # @param destination [String] a place
    # @param options platform:, sparse:, all:, referrers:, foreign_layers:, convert_schema1:, compression:,
    #   compression_level:, concurrency:, dry_run:,
    #   if_exists: ("skip" leaves a name that refers to something, "fail" raises DigestMismatch), if_digest: (what the name has to
    #   refer to still; {Error#conflict} says what it refers to now),
    #   source_fd: (IO#fileno that the - of a source docker-archive:- or oci-archive:- stands for; read from its current
    #   position), destination_fd: (the same for the destination)
    # @return [Hash] "source", "destination", "digest", "mediaType", "manifests", "blobs", "skipped", "condition", "plan"
    # @yield as in {Blobs#blob_to_file}
    def copy(source, destination, **options, &progress)
      invoke(:ocireg_copy, text("source", source), text("destination", destination), **options, &progress)
    end

    # Brings the tags of a repository, a layout or an archive to another, several images at once; what fails is reported, and the rest
    # goes on: ocireg_sync.
    # @param source [String] [HOST[:PORT]/]REPOSITORY, oci:DIR or oci-archive:FILE; with a tag or a name only that image
    # @param destination [String] the same, without a tag or a name
    # @param options tags:, tags_regex:, semver:, exclude:, newest:, platform:, referrers:, foreign_layers:, no_clobber:, prune:, max_prune:,
    #   scoped:, stop_on_error:, dry_run:, parallel:, concurrency:
    # @return [Hash] "source", "destination", "dry_run", "tags": {"selected", "copied", "skipped", "pruned", "failed"}, "blobs", "images":
    #   [{"source", "destination", "state", "digest", "bytes", "bytes_copied", "error"}], "images_left_out", "error" (the first failure)
    # @yield as in {Blobs#blob_to_file}
    def sync(source, destination, **options, &progress)
      invoke(:ocireg_sync, text("source", source), text("destination", destination), **options, &progress)
    end

    # The same for what a list says: ocireg_sync_list.
    # @param list [String] SOURCE or SOURCE DESTINATION a line; with list_format: "skopeo" the YAML of skopeo sync
    # @param destination [String, nil] where everything goes that has no destination of its own: HOST[:PORT][/PATH], oci:DIR or
    #   oci-archive:FILE
    # @param options those of {#sync}, list_format:, and list_credentials: (false sends none of those in the list)
    # @return [Hash] as for {#sync}
    # @yield as in {Blobs#blob_to_file}
    def sync_list(list, destination = nil, **options, &progress)
      invoke(:ocireg_sync_list, text("list", list), destination && text("destination", destination), **options, &progress)
    end

    # The config of an image: ocireg_image_config.
    # @param image [String] a place
    # @param options platform:
    # @return [Hash] "digest", "size", "mediaType", "manifest", "config", "served_by", "platform"
    def image_config(image, **options)
      invoke(:ocireg_image_config, text("image", image), outs: %i[json buffer], **options).first
    end

    # The exact bytes of an image's config: ocireg_image_config.
    # @param image [String] a place
    # @param options platform:
    # @return [String]
    def image_config_bytes(image, **options)
      invoke(:ocireg_image_config, text("image", image), outs: %i[json buffer], **options).last
    end

    # The size of an image in bytes, according to its manifest: ocireg_image_size.
    # @param image [String] a place
    # @param options platform:, all:
    # @return [Hash] "digest", "manifest", "config", "layers", "layers_total", "total", "served_by"; with all "images", "total", "served_by"
    def image_size(image, **options)
      invoke(:ocireg_image_size, text("image", image), **options)
    end

    # Looks whether everything that an image, an index or an artifact leads to is there and is what it says it is, and reports all
    # that is wrong: ocireg_image_validate.
    # @param place [String] a place
    # @param options platform:, quick: (blobs are only looked for), referrers:, concurrency:, max_bytes:, max_ratio:
    # @return [Hash] "place", "digest", "mediaType", "valid", "quick", "manifests", "blobs", "bytes", "foreign", "problems": [{"digest",
    #   "manifest", "code", "problem"}], "served_by"
    # @yield as in {Blobs#blob_to_file}
    def validate_image(place, **options, &progress)
      invoke(:ocireg_image_validate, text("place", place), **options, &progress)
    end

    # Gives an image another tag, in its repository or another one of the same registry: ocireg_image_tag.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    # @param tag [String] a tag, or [HOST[:PORT]/]REPOSITORY[:TAG]
    # @param options referrers:, if_exists: and if_digest: as in {#copy}
    # @return [Hash] "source", "destination", "digest", "mediaType", "skipped", "condition", "served_by"
    def tag_image(reference, tag, **options)
      invoke(:ocireg_image_tag, text("reference", reference), text("tag", tag), **options)
    end

    # Appends layers to an image: ocireg_image_append.
    # @param image [String] a place
    # @param layers [Array<String, Pathname>] tar files, the oldest first
    # @param options to:, platform:, all:, scratch:, media_type:, compression:, compression_level:,
    #   if_exists: and if_digest: as in {#copy}
    # @return [Hash] "destination", "digest", "mediaType", "base", "images", "layers", "skipped", "condition", "served_by"
    # @yield as in {Blobs#blob_to_file}
    def append_image(image, layers, **options, &progress)
      invoke(:ocireg_image_append, text("image", image), layers: Array(layers), **options, &progress)
    end

    # Extracts the files of an image into a folder: ocireg_image_extract.
    # @param image [String] a place
    # @param folder [String, Pathname]
    # @param options platform:, overwrite:, owner:, setuid:, devices:, paths: (only these, or patterns), max_bytes:, max_ratio:
    # @return [Hash] "digest", "path", "layers", "files", "directories", "bytes", …
    # @yield as in {Blobs#blob_to_file}
    def extract_image(image, folder, **options, &progress)
      invoke(:ocireg_image_extract, text("image", image), text("folder", folder), **options, &progress)
    end

    # Writes the file system of an image as one tar archive: to an IO (ocireg_image_export_fd), which must not be trusted after an error, or
    # to a file (ocireg_image_export_file), which appears only whole and verified.
    # @param image [String] a place
    # @param into [IO, #write, String, Pathname]
    # @param options platform:, max_bytes:, max_ratio:
    # @return [Hash] "digest", "platform", "path" of a file, "layers", "files", "directories", "symlinks", "hard_links", "devices",
    #   "bytes", "size"
    # @yield as in {Blobs#blob_to_file}
    def export_image(image, into, **options, &progress)
      if into.is_a?(String) || (into.respond_to?(:to_path) && !IO.try_convert(into))
        return invoke(:ocireg_image_export_file, text("image", image), text("into", into), **options, &progress)
      end

      Pipe.to(into) { |fd, last_step| invoke(:ocireg_image_export_fd, text("image", image), fd, last_step: last_step, **options, &progress) }
    end

    # Lists the files of an image as {#extract_image} would create them, without writing anything: ocireg_image_files.
    # @param image [String] a place
    # @param options platform:, paths: (only these, or patterns), max_bytes:, max_ratio:
    # @return [Hash] "digest", "layers", "bytes", "files": "path", "type", "size", "mode", "uid", "gid", "mtime", "link", "layer"; "served_by"
    # @yield as in {Blobs#blob_to_file}
    def image_files(image, **options, &progress) = invoke(:ocireg_image_files, text("image", image), **options, &progress)

    # Writes one file of an image to an IO: ocireg_image_cat. After an error, what was written must not be trusted.
    # @param image [String] a place
    # @param path [String] of the file in the image
    # @param io [IO, #write]
    # @param options platform:, verify:
    # @return [Hash] "digest", "platform", "path", "size", "mode", "layer", "verified", "served_by"
    # @yield as in {Blobs#blob_to_file}
    def image_file(image, path, io, **options, &progress)
      Pipe.to(io) { |fd, last_step| invoke(:ocireg_image_cat, text("image", image), text("path", path), fd, last_step: last_step, **options, &progress) }
    end
  end
end
