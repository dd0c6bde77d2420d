# frozen_string_literal: true

require_relative "helper"

# Every snippet of the READMEs runs, with a local registry instead of the ones in them.
class ReadmeTest < OciregTest
  README = File.read(File.expand_path("../README.md", __dir__))
  SNIPPETS = README.scan(/^```ruby\n(.*?)^```$/m).flatten

  def setup
    @image = put_real_image
    @name = @image.delete_prefix("#{registry}/").delete_suffix(":one")
    client.tag_image(@image, "latest")
  end

  def runnable(snippet)
    snippet.gsub("quay.io/prometheus/busybox", "#{registry}/#{@name}").gsub("https://quay.io", "http://#{registry}")
           .gsub("prometheus/busybox", @name).gsub("registry.example.com", registry)
           .gsub("Ocireg::Client.new", "Ocireg::Client.new(plain_http: true)").gsub("(plain_http: true)(", "(plain_http: true, ")
           .gsub("Ocireg::Client.open(", "Ocireg::Client.open(plain_http: true, ")
  end

  def test_there_are_snippets
    assert_operator SNIPPETS.size, :>=, 4
    assert_operator SNIPPETS.first.lines.size, :<=, 6
  end

  SNIPPETS.each_with_index do |snippet, number|
    define_method("test_snippet_#{number}") do
      Dir.mktmpdir do |folder|
        File.binwrite("#{folder}/model.bin", "a model")
        File.binwrite("#{folder}/layer.tar", tar("more", "more"))
        script = "digest = #{client.manifest(@image).layers[0]["digest"].inspect}\n#{runnable(snippet)}"
        output = IO.popen([RbConfig.ruby, "-w", "-I", File.expand_path("../lib", __dir__), "-rocireg", "-e", script,
                           { chdir: folder, err: %i[child out] }], &:read)
        assert_predicate $?, :success?, "#{snippet}\n#{output}"
        snippet.scan(/# => (.*)$/).flatten.each { |said| assert_includes output, said }
      end
    end
  end
end
