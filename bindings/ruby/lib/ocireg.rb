# frozen_string_literal: true

require "monitor"
require "pathname"

# A client for Docker and OCI registries. Begin with {Client}; {Error} has the tree of what goes wrong.
module Ocireg
end

require_relative "ocireg/version"
require_relative "ocireg/native"
require_relative "ocireg/error"
require_relative "ocireg/convert"
require_relative "ocireg/worker"
require_relative "ocireg/job"
require_relative "ocireg/handle"
require_relative "ocireg/status"
require_relative "ocireg/options"
require_relative "ocireg/callbacks"
require_relative "ocireg/call"
require_relative "ocireg/context"
require_relative "ocireg/caller"
require_relative "ocireg/pure"
require_relative "ocireg/reference"
require_relative "ocireg/manifest"
require_relative "ocireg/schema1"
require_relative "ocireg/pipe"
require_relative "ocireg/blob_reader"
require_relative "ocireg/upload"
require_relative "ocireg/upload_session"
require_relative "ocireg/registries"
require_relative "ocireg/manifests"
require_relative "ocireg/blobs"
require_relative "ocireg/uploads"
require_relative "ocireg/images"
require_relative "ocireg/layouts"
require_relative "ocireg/accounts"
require_relative "ocireg/v1"
require_relative "ocireg/client"
