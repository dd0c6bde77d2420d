# frozen_string_literal: true

require_relative "lib/ocireg/version"

Gem::Specification.new do |spec|
  spec.name = "ocireg"
  spec.version = Ocireg::VERSION
  spec.authors = ["The ocireg authors"]
  spec.summary = "A client for Docker and OCI registries"
  spec.description = "Pull, push, copy, sign and inspect images and artifacts in Docker and OCI registries, with the ocireg C library."
  spec.license = "Apache-2.0"
  spec.required_ruby_version = ">= 3.1"
  spec.files = Dir["lib/**/*.rb", "README.md", "LICENSE", base: __dir__]
  spec.require_paths = ["lib"]
  spec.requirements << "the C library libocireg #{Ocireg::VERSION}"
  spec.metadata["rubygems_mfa_required"] = "true"
  spec.add_runtime_dependency "ffi", "~> 1.15"
end
