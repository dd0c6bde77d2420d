# frozen_string_literal: true

module Ocireg
  # Blobs: download and upload.
  module Blobs
    # What a registry says about a blob; a missing one is not an error: ocireg_blob_head.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @return [Hash] "exists", "digest", "size", "mediaType", "redirects", "headers"
    def blob_head(reference, **options)
      invoke(:ocireg_blob_head, text("reference", reference), **options)
    end

    # Where a blob can be had by a downloader of the program's own, such as Net::HTTP: ocireg_blob_locate. The result is a secret.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @param options follow:, check:, failed:, fresh:, min_validity_ms:, refused:
    # @return [Hash] "reference", "repository", "digest", "size", "mediaType", "locations": to be asked in order, each with "url", …
    def blob_locate(reference, **options)
      invoke(:ocireg_blob_locate, text("reference", reference), **options)
    end

    # Whether a registry has a blob.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @return [Boolean]
    def blob?(reference, **options) = blob_head(reference, **options)["exists"]

    # Gets a blob into memory, verified: ocireg_blob_get_memory.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @param options offset:, length:, size:, limit: (64 MiB)
    # @return [String] the bytes, binary and frozen
    # @yield as in {#blob_to_file}
    def blob(reference, **options, &progress)
      invoke(:ocireg_blob_get_memory, text("reference", reference), outs: %i[json buffer], **options, &progress).last
    end

    # Gets a blob into a file, which appears only when complete and verified: ocireg_blob_get_file.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @param path [String, Pathname, #to_path] not an open file: {#blob_to_io} writes to that
    # @param options offset:, length:, size:, if_exists: ("skip" leaves a file that holds the blob already), resume:
    # @return [Hash] "digest", "size", "offset", "length", "verified", "resumed", "path", "skipped"
    # @yieldparam done [Integer] the progress, in bytes, instead of the context's block
    # @yieldparam total [Integer, nil] nil while unknown
    def blob_to_file(reference, path, **options, &progress)
      invoke(:ocireg_blob_get_file, text("reference", reference), Convert.path("path", path, "blob_to_io"), **options, &progress)
    end

    # Gets a blob and writes it to an IO as it arrives: ocireg_blob_get_fd. After an error, also {DigestMismatch}, what
    # was written must not be trusted.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @param io [IO, #write]
    # @param options offset:, length:, size:
    # @return [Hash] as in {#blob_to_file}, without "path" and "skipped"
    # @yield as in {#blob_to_file}
    def blob_to_io(reference, io, **options, &progress)
      Pipe.to(io) { |fd, last_step| invoke(:ocireg_blob_get_fd, text("reference", reference), fd, last_step: last_step, **options, &progress) }
    end

    # Opens a blob for reading: ocireg_blob_open. With a block, closes it afterwards and returns the block's value.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @param options offset:, length:, size:; context: and timeout: apply to the reads too
    # @yieldparam reader [BlobReader]
    # @return [BlobReader, Object]
    def open_blob(reference, **options, &block)
      BlobReader.open(*open_handle(Handle::BlobReader, :ocireg_blob_open, text("reference", reference), **options), &block)
    end

    # Puts a blob, unless the registry has it already: ocireg_blob_put_memory, ocireg_blob_put_file or ocireg_blob_put_stream.
    # @param repository [String] [HOST[:PORT]/]REPOSITORY, "oci:DIR" or "dir:DIR"
    # @param source [String, Pathname, #read] the bytes; the path of a file; or an IO
    # @param options digest:, size:, chunk_size:, single_post:, mount_from:
    # @return [Hash] "digest", "size", "location", "uploaded", "mounted"
    # @yield as in {#blob_to_file}
    def put_blob(repository, source, **options, &progress)
      name = text("repository", repository)
      case source
      when String then invoke(:ocireg_blob_put_memory, name, *bytes("source", source), **options, &progress)
      when Pathname then invoke(:ocireg_blob_put_file, name, text("source", source), **options, &progress)
      else put_stream(name, source, **options, &progress)
      end
    end

    # Copies one blob, and nothing else, from any place into a repository or another place: ocireg_blob_copy. From a registry into a
    # layout, say, whose manifest {Manifests#put_manifest} puts then.
    # @param source [String] HOST[:PORT]/REPOSITORY@DIGEST, or PLACE@DIGEST
    # @param destination [String] [HOST[:PORT]/]REPOSITORY, "oci:DIR" or "dir:DIR"
    # @param options size:
    # @return [Hash] "source", "destination", "digest", "size", "uploaded", "mounted", "resumed", "served_by"
    # @yield as in {#blob_to_file}
    def copy_blob(source, destination, **options, &progress)
      invoke(:ocireg_blob_copy, text("source", source), text("destination", destination), **options, &progress)
    end

    # Deletes a blob: ocireg_blob_delete.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @return [Hash] "status"
    def delete_blob(reference, **options)
      invoke(:ocireg_blob_delete, text("reference", reference), **options)
    end

    # Mounts a blob from another repository of the same registry: ocireg_blob_mount.
    # @param reference [String] HOST[:PORT]/REPOSITORY@DIGEST
    # @param from [String, nil] that repository with its host; nil lets the registry find it
    # @param options keep_session:
    # @return [Hash] "mounted", "digest", "location", "session"
    def mount_blob(reference, from: nil, **options)
      invoke(:ocireg_blob_mount, text("reference", reference), from && text("from", from), **options)
    end

    private

    def put_stream(name, source, **options, &progress)
      raise InvalidArgument, "source is #{source.class}, which cannot be read" unless source.respond_to?(:read)

      invoke(:ocireg_blob_put_stream, name, Callbacks.source(source), nil, **options, &progress)
    end
  end
end
