# frozen_string_literal: true

module DockerRegistry2
  # Everything that goes wrong. Its cause is the {Ocireg::Error} that says more, and so do the methods that it has of that.
  class Exception < Ocireg::Error; end

  # The user name or the password is wrong, or missing.
  class RegistryAuthenticationException < Exception; end
  # The user may not do this.
  class RegistryAuthorizationException < Exception; end
  # There is no registry.
  class RegistryUnknownException < Exception; end
  # The registry's certificate is no good.
  class RegistrySSLException < Exception; end
  # A manifest of schema 1, where one of schema 2 is needed.
  class RegistryVersionException < Exception; end
  # Never raised; for programs that rescue it.
  class ReauthenticatedException < Exception; end
  # The registry finds the request malformed.
  class UnknownRegistryException < Exception; end
  # There is no such repository, tag or blob.
  class NotFound < Exception; end
  # The registry does not do this.
  class InvalidMethod < Exception; end
  # A layer could not be put on top of an image.
  class RegistryAppendError < Exception; end
  # A layer of a manifest to push is not in the directory.
  class MissingLayerException < Exception; end

  # Turns the errors of a block into those of this module.
  # @api private
  module Errors
    CLASSES = {
      Ocireg::Unauthenticated => RegistryAuthenticationException,
      Ocireg::Forbidden => RegistryAuthorizationException,
      Ocireg::ResolveError => RegistryUnknownException,
      Ocireg::ConnectError => RegistryUnknownException,
      Ocireg::TLSError => RegistrySSLException,
      Ocireg::NotFound => NotFound
    }.freeze
    # Of answers that have no class of their own.
    STATUSES = { 400 => UnknownRegistryException, 405 => InvalidMethod }.freeze

    private

    def kind_of(error)
      return STATUSES[error.http_status] if STATUSES.key?(error.http_status) && [Ocireg::HTTPError, Ocireg::Unsupported].include?(error.class)

      CLASSES.fetch(error.class, DockerRegistry2::Exception)
    end

    def guard
      yield
    rescue DockerRegistry2::Exception
      raise
    rescue Ocireg::Error => e
      kind = kind_of(e)
      raise kind.new(kind == NotFound ? "Image not found at #{@uri.host}" : e.message, e.details)
    end
  end
end
