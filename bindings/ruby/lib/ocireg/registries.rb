# frozen_string_literal: true

module Ocireg
  # A registry, its repositories and their tags.
  module Registries
    # The default page size: how many names are requested at a time.
    PAGE_SIZE = 100

    # Asks a registry whether and how it supports the protocol: ocireg_registry_ping.
    # @param registry [String] HOST[:PORT]
    # @return [Hash] "registry", "url", "status", "api_version", "versions", "challenges", "headers"
    def ping(registry, **options)
      invoke(:ocireg_registry_ping, text("registry", registry), **options)
    end

    # Detects which protocol a registry speaks: ocireg_registry_detect.
    # @param registry [String] HOST[:PORT]
    # @return [Integer] 2 or 1
    def detect(registry, **options)
      invoke(:ocireg_registry_detect, text("registry", registry), **options)["api_version"]
    end

    # Lists the repositories of a registry: ocireg_registry_catalog.
    # @param registry [String] HOST[:PORT]
    # @param options n: (one page), all: (all pages of n), next: (of the previous page), last:, search:, regex:
    # @return [Hash] "repositories", "last", "next"
    def repositories(registry, **options)
      invoke(:ocireg_registry_catalog, text("registry", registry), **options)
    end

    # Yields the repositories of a registry, fetched page by page.
    # @param registry [String] HOST[:PORT]
    # @param page_size [Integer] how many names are requested at a time
    # @param options those of {#repositories} without n
    # @yieldparam name [String]
    # @return [Enumerator<String>, self]
    def each_repository(registry, page_size: PAGE_SIZE, **options, &block)
      return enum_for(:each_repository, registry, page_size: page_size, **options) unless block

      each_page(options) { |more| repositories(registry, n: page_size, **more) }.each { |page| page["repositories"].each(&block) }
      self
    end

    # Lists the tags of a repository: ocireg_repository_tags.
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @param options n: (one page), all: (all pages of n), next: (of the previous page), last:, digests:, digest_tags:
    # @return [Hash] "name", "tags", "last", "next", "digests", "served_by"
    def tags(repository, **options)
      invoke(:ocireg_repository_tags, text("repository", repository), **options)
    end

    # Yields the tags of a repository, fetched page by page.
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @param page_size [Integer] how many tags are requested at a time
    # @param options those of {#tags} without n
    # @yieldparam tag [String]
    # @return [Enumerator<String>, self]
    def each_tag(repository, page_size: PAGE_SIZE, **options, &block)
      return enum_for(:each_tag, repository, page_size: page_size, **options) unless block

      each_page(options) { |more| tags(repository, n: page_size, **more) }.each { |page| page["tags"].each(&block) }
      self
    end

    # Deletes everything in a repository: ocireg_repository_remove.
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @param options dry_run:
    # @return [Hash] "repository", "manifests", "tags", "deleted", "dry_run"
    def remove_repository(repository, **options)
      invoke(:ocireg_repository_remove, text("repository", repository), **options)
    end

    # Deletes one tag and keeps its manifest: ocireg_tag_delete.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY:TAG
    # @param options list_others:, replace:
    # @return [Hash] "tag", "digest", "status", "manifest", "replaced", "other_tags"
    def delete_tag(reference, **options)
      invoke(:ocireg_tag_delete, text("reference", reference), **options)
    end

    private

    # The pages one after the other, until a page has no "next".
    def each_page(options)
      Enumerator.new do |pages|
        loop do
          page = yield(options)
          pages << page
          break unless page["next"]

          options = options.merge(next: page["next"])
        end
      end
    end
  end
end
