# frozen_string_literal: true

module Ocireg
  # Artifacts, at any place that {Images} names.
  module Artifacts
    # Makes an artifact of files, folders and bytes, as oras does: ocireg_artifact_push, with ocireg_artifact_new,
    # ocireg_artifact_add_file, ocireg_artifact_add_memory and ocireg_artifact_add_stream. The same files give the same artifact.
    # @param place [String]
    # @param files [Array<String, Pathname, Hash>] paths, or hashes with one of :path, :data (a String of bytes) and :io (anything with
    #   read), and :title, :media_type, :annotations (["KEY=VALUE"]), :config (true: it is the artifact's config)
    # @param options artifact_type:, annotations: (["KEY=VALUE"]), subject:, image_spec:, times:, concurrency:,
    #   if_exists: and if_digest: as in {Images#copy}
    # @return [Hash] "destination", "digest", "mediaType", "size", "artifactType", "config", "layers", "subject", "blobs", "skipped",
    #   "condition", "served_by"
    # @yield as in {Blobs#blob_to_file}
    def push_artifact(place, files, **options, &progress)
      invoke(:ocireg_artifact_push, artifact_of(files), text("place", place), **options, &progress)
    end

    # Makes an artifact that is about what a place names, and puts it beside that: ocireg_artifact_attach.
    # @param place [String]
    # @param files [Array<String, Pathname, Hash>] as in {#push_artifact}
    # @param options artifact_type:, annotations:, platform:, times:, concurrency:
    # @return [Hash] as in {#push_artifact}
    # @yield as in {Blobs#blob_to_file}
    def attach_artifact(place, files, **options, &progress)
      invoke(:ocireg_artifact_attach, artifact_of(files), text("place", place), **options, &progress)
    end

    # Pulls the files of an artifact into a folder, under their titles: ocireg_artifact_pull. A file appears only when all of them are
    # there, whole and verified, and nothing is written outside of the folder.
    # @param place [String]
    # @param folder [String, Pathname]
    # @param options titles: and media_types: (lists, with * and ?), keep_old:, unpack:, platform:, max_bytes:, max_ratio:, concurrency:
    # @return [Hash] "source", "digest", "mediaType", "artifactType", "path", "files", "skipped", "kept", "bytes_resumed", "served_by"
    # @yield as in {Blobs#blob_to_file}
    def pull_artifact(place, folder, **options, &progress)
      invoke(:ocireg_artifact_pull, text("place", place), text("folder", folder), **options, &progress)
    end

    private

    def artifact_of(files)
      files = [files] unless files.is_a?(Array)
      Status.made(Handle::Artifact, :ocireg_artifact_new).tap do |artifact|
        files.each { |file| add_to(artifact, **(file.is_a?(Hash) ? file : { path: file })) }
      end
    end

    def add_to(artifact, path: nil, data: nil, io: nil, **named)
      options = Options.of(named)
      if io
        add_stream(artifact, io, options)
      elsif data
        Status.check { |error| Native.ocireg_artifact_add_memory(artifact, *bytes("data", data), options, error) }
      else
        Status.check { |error| Native.ocireg_artifact_add_file(artifact, text("path", path), options, error) }
      end
    end

    # On a worker, so that a read that waits can be interrupted.
    def add_stream(artifact, io, options)
      raise InvalidArgument, "io is #{io.class}, which cannot be read" unless io.respond_to?(:read)

      Worker.run(-> {}) do
        Status.check { |error| Native.ocireg_artifact_add_stream(artifact, Callbacks.source(io), nil, options, error) }
      end
    end
  end
end
