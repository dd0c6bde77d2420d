# frozen_string_literal: true

module Ocireg
  # Credentials: checking, storing and explaining them.
  module Accounts
    # Checks credentials with a registry, and stores them where Docker's tools do: ocireg_login.
    # @param registry [String] HOST[:PORT]
    # @param options username:, password:, identity_token:, store:, offline_token:, scope:, return_token:, credentials_file:, docker_config:
    # @return [Hash] "registry", "status", "auth", "username", "identity_token", "stored_in"; with return_token "token"
    def login(registry, **options) = invoke(:ocireg_login, text("registry", registry), **options)

    # Removes the stored credentials of a registry: ocireg_logout.
    # @param registry [String] HOST[:PORT]
    # @param options credentials_file:, docker_config:
    # @return [Hash] "registry", "removed", "from"
    def logout(registry, **options) = invoke(:ocireg_logout, text("registry", registry), **options)

    # Explains what a call for a reference would use: ocireg_explain.
    # @param reference [String] [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]
    # @return [Hash] "reference", "host", "endpoint", "credentials", "network", …
    def explain(reference, **options) = invoke(:ocireg_explain, text("reference", reference), **options)
  end
end
