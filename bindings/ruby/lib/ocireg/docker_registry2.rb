# frozen_string_literal: true

require_relative "../ocireg"
require_relative "docker_registry2/exceptions"
require_relative "docker_registry2/rest_client"
require_relative "docker_registry2/results"
require_relative "docker_registry2/settings"
require_relative "docker_registry2/pulling"
require_relative "docker_registry2/writing"
require_relative "docker_registry2/places"
require_relative "docker_registry2/registry"

# What the gem docker_registry2 (1.18.2) offers, implemented with this gem: its methods, options, results and exception
# names. A program that requires "ocireg/docker_registry2" instead of "docker_registry2" needs no other change.
#
# Where that gem's README and its code differ, this follows the code: an unknown repository raises {NotFound}, unless {.connect} is
# told to follow the README (missing: :empty). What the README promises and the code lacks is here: {Registry#push},
# {Registry#copy}, {Registry#rmrepo}. Left out are doget, doput, dodelete, dohead and paginate_doget, which expose the
# other gem's HTTP client. The README of this gem says what else differs.
module DockerRegistry2
  # The version of the gem that this corresponds to.
  VERSION = "1.18.2"

  # Connects to a registry, which the functions of this module use from then on. Nothing is sent yet.
  # @param uri [#to_s] may have a path: "https://host/dockerproxy"
  # @param opts [Hash] see {Registry#initialize}
  # @return [Registry]
  def self.connect(uri = "https://registry.hub.docker.com", opts = {})
    @reg = Registry.new(uri, opts)
  end

  # Every method of {Registry}, on the registry connected to last.
  FUNCTIONS = %i[search tags manifest manifest_digest digest manifest_sum blob blob_size pull push tag copy rmtag rmrepo
                 append_tarball append_blob].freeze

  FUNCTIONS.each do |name|
    define_singleton_method(name) do |*arguments, **options|
      raise RegistryUnknownException, "call DockerRegistry2.connect first" unless @reg

      @reg.public_send(name, *arguments, **options)
    end
  end
end
