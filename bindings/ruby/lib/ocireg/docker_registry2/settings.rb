# frozen_string_literal: true

require "fileutils"
require "tempfile"
require "uri"

module DockerRegistry2
  # Converts the gem's options to those of a client and its host.
  # @api private
  class Settings
    # The host names of docker.io's registry. Its token server has another domain.
    HUB = /(\A|\.)docker\.(com|io)\z/

    # HTTPS_PROXY and similar variables are used, as in the gem's HTTP client.
    SUPPORTED = %i[open_timeout read_timeout timeout proxy verify_ssl ssl_ca_file ssl_client_cert ssl_client_key headers
                   max_redirects].freeze

    # The values of :missing, and whether what does not exist is then empty.
    MISSING = { nil => false, error: false, empty: true }.freeze

    # The parsed address. A user name and password in it are kept out of the message.
    def self.http(uri)
      parsed = URI.parse(uri.to_s)
      return parsed if parsed.is_a?(URI::HTTP) && !parsed.host.to_s.empty?

      raise URI::InvalidURIError
    rescue URI::InvalidURIError
      shown = uri.to_s.sub(/.*@/, "…@")
      raise Ocireg::InvalidArgument, "#{shown.inspect} is not the address of a registry: give http://HOST[:PORT] or https://HOST[:PORT]"
    end

    def initialize(uri, options)
      @uri = uri
      @options = options
      @http = hash(:http_options, options[:http_options])
      unknown = @http.compact.keys - SUPPORTED
      mistake("http_options", "does not support #{unknown.join(", ")}; supported are #{SUPPORTED.join(", ")}") unless unknown.empty?
      mistake("missing", "#{options[:missing].inspect} is neither :error nor :empty") unless MISSING.key?(options[:missing])
    end

    def empty_if_missing? = MISSING[@options[:missing]]

    # The host's name in references. It always has a port, so that a host of one word is not taken for a repository on
    # Docker Hub.
    def name = "#{@uri.host}:#{@uri.port}"

    def client
      {
        connect_timeout_ms: milliseconds(:open_timeout, 2), idle_timeout_ms: milliseconds(:read_timeout, 5),
        max_redirects: @http[:max_redirects] && number(:max_redirects, @http[:max_redirects]).to_i, proxy_from_environment: !@http.key?(:proxy)
      }
    end

    def host
      {
        endpoint: "#{@uri.scheme}://#{name}#{@uri.path.chomp("/")}", username: user, password: user && @options[:password].to_s,
        trusted_realms: @uri.host.match?(HUB) ? ["auth.docker.io"] : nil,
        proxy: proxy, headers: headers
      }.merge(tls)
    end

    # Removes a file when it is no longer needed. Defined here, because a proc made in an object would keep that object
    # alive.
    def self.removing(path) = proc { FileUtils.rm_f(path) }

    private

    def user
      name = @options[:user].to_s
      name unless name.strip.empty?
    end

    def mistake(option, reason) = raise(Ocireg::InvalidArgument, "option #{option}: #{reason}")

    def hash(option, value)
      return {} if value.nil?

      value.respond_to?(:to_hash) ? value.to_hash : mistake(option, "#{value.inspect} is not a Hash")
    end

    def number(option, value)
      number = Float(value, exception: false)
      number&.finite? && !number.negative? ? number : mistake(option, "#{value.inspect} is not a number, or is less than 0")
    end

    # Less than a millisecond is rounded up to one.
    def milliseconds(option, default)
      seconds = @http[option] || @http[:timeout] || @options[option] || default
      [(number(option, seconds) * 1000).ceil, 1].max
    end

    def proxy
      return unless @http.key?(:proxy)

      @http[:proxy].to_s.empty? ? "direct" : @http[:proxy].to_s
    end

    def headers = hash(:headers, @http[:headers]).to_h { |name, value| [name.to_s.tr("_", "-"), value.to_s] }

    def tls
      return {} unless @uri.scheme == "https"

      { insecure: [false, 0].include?(@http[:verify_ssl]) || nil, ca_file: @http[:ssl_ca_file],
        ca_only: @http[:ssl_ca_file] && true, client_cert_file: pem(:ssl_client_cert), client_key_file: pem(:ssl_client_key) }
    end

    # The other gem takes OpenSSL objects. The files live as long as these settings.
    def pem(name)
      object = @http[name] or return
      mistake(name, "#{object.class} is not an OpenSSL certificate or key") unless object.respond_to?(:to_pem)
      file = Tempfile.create("ocireg")
      file.write(object.to_pem)
      file.close
      ObjectSpace.define_finalizer(self, Settings.removing(file.path))
      file.path
    end
  end
end
