# frozen_string_literal: true

require "stringio"

require_relative "helper"

# The behaviours that all bindings share: tests/behaviours. An unknown step or key fails.
class BehavioursTest < OciregTest
  BEHAVIOURS = JSON.parse(File.read(File.expand_path("../../../tests/behaviours/behaviours.json", __dir__)))["behaviours"]

  BEHAVIOURS.each do |behaviour|
    define_method("test_#{behaviour["name"]}") do
      unknown = behaviour.keys - %w[name hosts steps]
      assert_empty unknown
      Dir.mktmpdir { |folder| Run.new(self, behaviour, folder).run }
    end
  end

  def test_there_are_behaviours
    assert_operator BEHAVIOURS.size, :>, 30
  end

  # The steps in Ruby. The options contain context: where the step wants one.
  module Steps
    module_function

    def parse_reference(_, _, reference:) = Ocireg::Reference.parse(reference).to_h
    def digest(_, _, text:) = Ocireg.digest(text)
    def ping(client, options, registry:) = client.ping(registry, **options)
    def repositories(client, options, registry:) = client.each_repository(registry, **options).to_a
    def has_blob(client, options, reference:) = client.blob?(reference, **options)
    def manifest(client, options, reference:) = client.manifest(reference, **options).info
    def manifest_text(client, options, reference:) = client.manifest(reference, **options).bytes
    def manifest_digest(client, options, reference:) = client.manifest_digest(reference, **options)
    def copy(client, options, source:, destination:) = client.copy(source, destination, **options)
    def pull_artifact(client, options, source:, destination:) = client.pull_artifact(source, destination, **options)
    def close(client, _) = client.close

    def push_artifact(client, options, destination:, **file)
      client.push_artifact(destination, [part(**file)], **options)["digest"]
    end

    def attach_artifact(client, options, destination:, **file)
      client.attach_artifact(destination, [part(**file)], **options)["digest"]
    end

    def part(text:, title:, stream: false)
      stream ? { io: StringIO.new(text), title: title } : { data: text, title: title }
    end

    def tags(client, options, repository:, page_size: nil)
      client.each_tag(repository, **{ page_size: page_size }.compact, **options).to_a
    end

    def put_blob(client, options, repository:, text:, stream: false)
      put = stream ? client.upload(repository, **options) { |upload| upload << text } : client.put_blob(repository, text, **options)
      put["digest"]
    end

    def get_blob(client, options, reference:, stream: false)
      stream ? client.open_blob(reference, **options, &:read) : client.blob(reference, **options)
    end

    def delete_blob(client, options, reference:)
      client.delete_blob(reference, **options)
      nil
    end

    def put_manifest(client, options, reference:, text:, media_type:)
      client.put_manifest(reference, text, media_type: media_type, **options)["digest"]
    end

    def delete_manifest(client, options, reference:)
      client.delete_manifest(reference, **options)
      nil
    end
  end

  # One behaviour.
  class Run
    EXPECTED = %w[gives contains fails says http_status within_ms as].freeze
    HOW = %w[deadline_ms cancel_after_ms close_after_ms threads times].freeze

    def initialize(test, behaviour, folder)
      @test = test
      @steps = behaviour["steps"]
      @texts = { "registry" => test.registry, "secured" => OciregTest.registry("HTPASSWD"), "token" => OciregTest.registry("TOKEN"),
                 "password" => "s3cret:with colon", "silent" => test.silent, "closed" => "127.0.0.1:1",
                 "repository" => "behaviours/#{SecureRandom.hex(6)}", "folder" => folder }
      @client = Ocireg::Client.new(plain_http: true, hosts: filled(behaviour.fetch("hosts", {})).transform_values { |host| symbols(host) })
    end

    def run = @steps.each { |step| run_step(step) }

    private

    def symbols(hash) = hash.transform_keys(&:to_sym)

    # Replaces every ${NAME} in every text.
    def filled(value)
      case value
      when String then value.gsub(/\$\{(\w+)\}/) { @texts.fetch(Regexp.last_match(1)) }
      when Array then value.map { |element| filled(element) }
      when Hash then value.to_h { |key, element| [filled(key), filled(element)] }
      else value
      end
    end

    def run_step(step)
      kept = step["as"]
      step = filled(step)
      arguments = symbols(step.except("do", *EXPECTED, *HOW))
      @test.assert_respond_to Steps, step["do"]
      all_of(step) { check(step, kept) { perform(step, arguments) } }
    end

    # Runs it in several threads several times; once without these keys.
    def all_of(step, &block)
      times = step.fetch("times", 1)
      return times.times(&block) unless step.key?("threads")

      threads = Array.new(step["threads"]) { Thread.new { times.times(&block) } }
      threads.each { |thread| thread.report_on_exception = false }
      threads.each(&:value)
    end

    def perform(step, arguments)
      context = Ocireg::Context.new(timeout: step["deadline_ms"]&.fdiv(1000))
      later(step["cancel_after_ms"]) { context.cancel }
      later(step["close_after_ms"]) { @client.close }
      Steps.public_send(step["do"], @client, { context: context }, **arguments)
    end

    def later(milliseconds)
      return unless milliseconds

      Thread.new do
        sleep milliseconds.fdiv(1000)
        yield
      end
    end

    def check(step, kept)
      begun = @test.now
      result, error = attempt { yield }
      took = (@test.now - begun) * 1000
      step.key?("fails") ? check_failure(step, error) : check_success(step, result, error)
      @test.assert_operator took, :<=, step["within_ms"], step.inspect if step.key?("within_ms")
      @texts[kept] = result if kept
    end

    def attempt
      [yield, nil]
    rescue Ocireg::Error => e
      [nil, e]
    end

    def check_failure(step, error)
      @test.refute_nil error, "#{step["do"]} did not fail"
      @test.assert_equal step["fails"], error.name, "#{step["do"]}: #{error.message}"
      @test.assert_includes error.message, step["says"] if step.key?("says")
      @test.assert_equal step["http_status"], error.http_status if step.key?("http_status")
    end

    def check_success(step, result, error)
      raise error if error

      check_given(step["gives"], result, step["do"]) if step.key?("gives")
      @test.assert_empty step["contains"] - result if step.key?("contains")
    end

    # Of an object only the named members, at every depth.
    def check_given(wanted, got, where)
      case wanted
      when Hash then wanted.each { |key, member| check_given(member, got.fetch(key), "#{where}.#{key}") }
      when Array
        @test.assert_equal wanted.size, got.size, where
        wanted.zip(got).each { |element, other| check_given(element, other, where) }
      when String then @test.assert_equal wanted, got.dup.force_encoding(Encoding::UTF_8), where
      when nil then @test.assert_nil got, where
      else @test.assert_equal wanted, got, where
      end
    end
  end
end
