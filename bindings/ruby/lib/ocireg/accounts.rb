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

    # The authorization of a repository for the program's own requests, such as those of Net::HTTP: ocireg_token. The result is a secret.
    # @param repository [String] [HOST[:PORT]/]REPOSITORY
    # @param options actions:, scope:, fresh:, min_validity_ms:, refused:
    # @return [Hash] "auth", "header" ("name" and "value"; nil: none is needed, and "reason" says why), "token", "expires", "scopes", …
    def token(repository, **options) = invoke(:ocireg_token, text("repository", repository), **options)
  end
end
