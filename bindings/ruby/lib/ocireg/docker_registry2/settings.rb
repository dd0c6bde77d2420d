# frozen_string_literal: true

require "fileutils"
require "tempfile"
require "uri"

module DockerRegistry2
  # The gem's options as those of a client and its host.
  # @api private
  class Settings
    # What docker.io's registry goes by. Its token server has another domain.
    HUB = /(\A|\.)docker\.(com|io)\z/

    # HTTPS_PROXY and its like count, as they do for the gem's HTTP client.
    SUPPORTED = %i[open_timeout read_timeout timeout proxy verify_ssl ssl_ca_file ssl_client_cert ssl_client_key headers
                   max_redirects].freeze

    def initialize(uri, options)
      @uri = uri
      @options = options
      @http = options[:http_options] || {}
      unknown = @http.keys - SUPPORTED
      raise ArgumentError, "http_options that are not supported: #{unknown.join(", ")}" unless unknown.empty?
    end

    # The host's name in references. Its port is always there, so that a host of one word is none of Docker Hub's repositories.
    def name = "#{@uri.host}:#{@uri.port}"

    def client
      {
        connect_timeout_ms: milliseconds(:open_timeout, 2), idle_timeout_ms: milliseconds(:read_timeout, 5),
        max_redirects: @http[:max_redirects], proxy_from_environment: !@http.key?(:proxy)
      }
    end

    def host
      {
        endpoint: "#{@uri.scheme}://#{name}#{@uri.path.chomp("/")}", username: user, password: user && @options[:password].to_s,
        trusted_realms: @uri.host.match?(HUB) ? ["auth.docker.io"] : nil,
        proxy: proxy, headers: headers
      }.merge(tls)
    end

    # What removes a file when nobody needs it any more. Here, for a proc made in an object would keep that object alive.
    def self.removing(path) = proc { FileUtils.rm_f(path) }

    private

    def user
      name = @options[:user].to_s
      name unless name.strip.empty?
    end

    def milliseconds(name, default)
      seconds = @http[name] || @http[:timeout] || @options[name] || default
      (seconds * 1000).to_i
    end

    def proxy
      return unless @http.key?(:proxy)

      @http[:proxy].to_s.empty? ? "direct" : @http[:proxy].to_s
    end

    def headers = @http[:headers]&.to_h { |name, value| [name.to_s.tr("_", "-"), value.to_s] }

    def tls
      return {} unless @uri.scheme == "https"

      { insecure: [false, 0].include?(@http[:verify_ssl]) || nil, ca_file: @http[:ssl_ca_file],
        ca_only: @http[:ssl_ca_file] && true, client_cert_file: pem(:ssl_client_cert), client_key_file: pem(:ssl_client_key) }
    end

    # The other client takes OpenSSL's objects. The files live as long as these settings.
    def pem(name)
      object = @http[name] or return
      file = Tempfile.create("ocireg")
      file.write(object.to_pem)
      file.close
      ObjectSpace.define_finalizer(self, Settings.removing(file.path))
      file.path
    end
  end
end
