# frozen_string_literal: true

module Ocireg
  # The calls of protocol v1, used by registries before 2015: {Client#v1}.
  class V1
    include Uncopied
    include Caller

    # @api private
    def initialize(handle, defaults)
      @handle = handle
      @defaults = defaults
    end

    # ocireg_v1_ping
    # @param registry [String] HOST[:PORT]
    # @return [Hash] "registry", "url", "status", "version", "standalone", "body", "headers"
    def ping(registry, **options) = invoke(:ocireg_v1_ping, text("registry", registry), **options)

    # ocireg_v1_search
    # @param registry [String] HOST[:PORT]
    # @param term [String]
    # @param options n:, page:
    # @return [Hash] "query", "num_results", "results"
    def search(registry, term, **options)
      invoke(:ocireg_v1_search, text("registry", registry), text("term", term), **options)
    end

    # ocireg_v1_images
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @return [Hash] "name", "images", "endpoint"
    def images(repository, **options) = invoke(:ocireg_v1_images, text("repository", repository), **options)

    # ocireg_v1_tags
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @return [Hash] "name", "tags"
    def tags(repository, **options) = invoke(:ocireg_v1_tags, text("repository", repository), **options)

    # The ID of a tag's image: ocireg_v1_tag.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG]
    # @return [String]
    def tag(reference, **options) = invoke(:ocireg_v1_tag, text("reference", reference), **options)["id"]

    # An image and its ancestors: ocireg_v1_ancestry.
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @param id [String] 64 hexadecimal digits
    # @return [Array<String>]
    def ancestry(repository, id, **options)
      invoke(:ocireg_v1_ancestry, text("repository", repository), text("id", id), **options)["ancestry"]
    end

    # An image's JSON: ocireg_v1_image.
    # @return [Hash] "id", "size", "checksum", "image", "headers"
    def image(repository, id, **options) = image_and_bytes(repository, id, **options).first

    # The exact bytes of an image's JSON: ocireg_v1_image.
    # @return [String]
    def image_bytes(repository, id, **options) = image_and_bytes(repository, id, **options).last

    # Gets an image's layer into memory: ocireg_v1_layer_memory.
    # @param options offset:, length:, limit:
    # @return [String]
    # @yield as in {Blobs#blob_to_file}
    def layer(repository, id, **options, &progress)
      invoke(:ocireg_v1_layer_memory, *image_of(repository, id), outs: %i[json buffer], **options, &progress).last
    end

    # Gets an image's layer into a file: ocireg_v1_layer_file.
    # @param options offset:, length:, if_exists:, resume:, as in {Blobs#blob_to_file}
    # @return [Hash] "id", "checksum", "verified", "size", "offset", "length", "path", "skipped"
    # @yield as in {Blobs#blob_to_file}
    def layer_to_file(repository, id, path, **options, &progress)
      invoke(:ocireg_v1_layer_file, *image_of(repository, id), Convert.path("path", path, "layer_to_io"), **options, &progress)
    end

    # Writes an image's layer to an IO: ocireg_v1_layer_fd.
    # @param options offset:, length:
    # @return [Hash] as in {#layer_to_file}, without "path" and "skipped"
    # @yield as in {Blobs#blob_to_file}
    def layer_to_io(repository, id, io, **options, &progress)
      Pipe.to(io) { |fd, last_step| invoke(:ocireg_v1_layer_fd, *image_of(repository, id), fd, last_step: last_step, **options, &progress) }
    end

    # Opens an image's layer for reading: ocireg_v1_layer_open.
    # @param options offset:, length:
    # @yieldparam reader [BlobReader]
    # @return [BlobReader, Object]
    def open_layer(repository, id, **options, &block)
      BlobReader.open(*open_handle(Handle::BlobReader, :ocireg_v1_layer_open, *image_of(repository, id), **options), &block)
    end

    # Checks a user's password, or creates an account: ocireg_v1_login.
    # @param options username:, password:, email:
    # @return [Hash] "status", "username", "created"
    def login(registry, **options) = invoke(:ocireg_v1_login, text("registry", registry), **options)

    # Puts an image's JSON with unchanged bytes: ocireg_v1_put_image.
    # @param image [String]
    # @return [Hash] "id", "uploaded"
    def put_image(repository, image, **options)
      invoke(:ocireg_v1_put_image, text("repository", repository), *bytes("image", image), **options)
    end

    # Puts an image's layer: ocireg_v1_put_layer or ocireg_v1_put_layer_file.
    # @param image [String] the same JSON as for {#put_image}
    # @param layer [String, Pathname] its bytes, or the path of a file
    # @param options finish:
    # @return [Hash] "id", "size", "checksum", "uploaded"
    # @yield as in {Blobs#blob_to_file}
    def put_layer(repository, image, layer, **options, &progress)
      name = text("repository", repository)
      json = bytes("image", image)
      return invoke(:ocireg_v1_put_layer_file, name, *json, text("layer", layer), **options, &progress) if layer.is_a?(Pathname)

      invoke(:ocireg_v1_put_layer, name, *json, *bytes("layer", layer), **options, &progress)
    end

    # Pushes an image from any place to a tag, as a chain of v1 images: ocireg_v1_push.
    # @param source [String] a place, see {Images}
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG]
    # @param options platform:
    # @return [Hash] "source", "destination", "digest", "id", "images", "served_by"
    # @yield as in {Blobs#blob_to_file}
    def push(source, reference, **options, &progress)
      invoke(:ocireg_v1_push, text("source", source), text("reference", reference), **options, &progress)
    end

    # ocireg_v1_put_checksum
    # @return [Hash] "status"
    def put_checksum(repository, id, checksum, **options)
      invoke(:ocireg_v1_put_checksum, *image_of(repository, id), text("checksum", checksum), **options)
    end

    # Puts a tag on an image: ocireg_v1_put_tag.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG]
    # @return [Hash] "status"
    def put_tag(reference, id, **options)
      invoke(:ocireg_v1_put_tag, text("reference", reference), text("id", id), **options)
    end

    # ocireg_v1_delete_tag
    # @return [Hash] "status"
    def delete_tag(reference, **options) = invoke(:ocireg_v1_delete_tag, text("reference", reference), **options)

    # ocireg_v1_delete_repository
    # @return [Hash] "status"
    def delete_repository(repository, **options)
      invoke(:ocireg_v1_delete_repository, text("repository", repository), **options)
    end

    private

    def image_of(repository, id) = [text("repository", repository), text("id", id)]

    def image_and_bytes(repository, id, **options)
      invoke(:ocireg_v1_image, *image_of(repository, id), outs: %i[json buffer], **options)
    end
  end
end
